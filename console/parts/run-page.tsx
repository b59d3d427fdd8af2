import type { ComponentChildren } from 'preact';
import type { Failure } from '../base/api.ts';
import { count } from '../base/format.ts';
import { Chip, FailureBox } from './pieces.tsx';

/** How often a page of a run is read again. */
export const POLL_MS = 3_000;
/** Rows of a table of segments. */
const SEGMENTS_SHOWN = 200;

/** A backup or restore while it runs. */
export function RunPage({
  title,
  state,
  link,
  failure,
  children,
}: {
  readonly title: string;
  readonly state: string | undefined;
  /** To its set. */
  readonly link: ComponentChildren;
  readonly failure: Failure | undefined;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="page">
      <div class="sectionhead">
        <h1>
          {title} {state !== undefined && <Chip state={state} />}
        </h1>
        {link}
      </div>
      {failure && <FailureBox failure={failure} />}
      {children}
    </div>
  );
}

/** The segments of a run, as many as are shown. */
export function SegmentTable<Segment>({
  order,
  segments,
  head,
  row,
}: {
  /** Says which come first. */
  readonly order: string;
  readonly segments: readonly Segment[];
  /** The cells of its first row. */
  readonly head: ComponentChildren;
  readonly row: (segment: Segment) => ComponentChildren;
}) {
  return (
    <div class="scroll">
      <table class="segments">
        <caption>
          {order}
          {segments.length > SEGMENTS_SHOWN && `, ${SEGMENTS_SHOWN} of ${count(segments.length)}`}
        </caption>
        <thead>
          <tr>{head}</tr>
        </thead>
        <tbody>{segments.slice(0, SEGMENTS_SHOWN).map(row)}</tbody>
      </table>
    </div>
  );
}
