import { identityPlace } from '../../backup-set/messages/identity-place.ts';
import type { ConsoleSet, RestoreProgress } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { age, bytes, count, localTime } from '../base/format.ts';
import { addressOf } from '../base/route.ts';
import { Bar, Chip, Figure } from '../parts/pieces.tsx';
import { POLL_MS, RunPage, SegmentTable } from '../parts/run-page.tsx';
import { RootCommand } from '../parts/shown-root.tsx';

/** A restore by segment and phase. */
export function Restore({
  root,
  id,
  sets,
}: {
  readonly root: number;
  readonly id: string;
  readonly sets: readonly ConsoleSet[];
}) {
  const { value, failure } = useApi<RestoreProgress>(
    apiAddress(root, `restores/${encodeURIComponent(id)}`),
    (known) =>
      known === undefined || known.status === 'running' || known.status === 'stalled'
        ? POLL_MS
        : undefined,
  );
  return (
    <RunPage
      title={`Restore ${id}`}
      state={value?.status}
      link={value && <a href={addressOf(root, ['set', value.set])}>Set {value.set}</a>}
      failure={failure}
    >
      {value && <RestoreSegments progress={value} isEncrypted={isEncrypted(sets, value.set)} />}
    </RunPage>
  );
}

const isEncrypted = (sets: readonly ConsoleSet[], set: string) =>
  sets.some(({ timestamp, encrypted }) => timestamp === set && encrypted === true);

function RestoreSegments({
  progress,
  isEncrypted: needsIdentity,
}: {
  readonly progress: RestoreProgress;
  readonly isEncrypted: boolean;
}) {
  const { segments, phases, phase, problems, problemsTotal, now } = progress;
  const isResumable = progress.status === 'failed' || progress.status === 'stalled';
  const at = phase === undefined ? phases.length : phases.indexOf(phase);
  const planned = segments.reduce((sum, { rowsPlanned }) => sum + rowsPlanned, 0);
  const loaded = segments.reduce((sum, { rows }) => sum + rows, 0);
  return (
    <>
      <dl class="figures">
        <Figure label="Into" note={`mode ${progress.mode}`}>
          {progress.target}
        </Figure>
        <Figure label="Requested" note={localTime(progress.requestedAt)}>
          {age(Date.parse(now) - Date.parse(progress.requestedAt))} ago
        </Figure>
        <Figure label="Rows loaded" note={`of ${count(planned)}, by receipts`}>
          {count(loaded)}
        </Figure>
        <Figure label="Segments done">
          {count(segments.filter(({ state }) => state === 'done').length)} of{' '}
          {count(segments.length)}
        </Figure>
      </dl>
      <ol class="phases" aria-label="Phases">
        {phases.map((name, index) => (
          <li
            key={name}
            class={index < at ? 'past' : index === at ? 'now' : ''}
            aria-current={index === at ? 'step' : undefined}
          >
            {name}
          </li>
        ))}
      </ol>
      {problems.length > 0 && (
        <div class="failure" role="alert">
          {problems.map((text) => (
            <p key={text}>{text}</p>
          ))}
          {problemsTotal > problems.length && (
            <p>and {count(problemsTotal - problems.length)} more</p>
          )}
          {isResumable && (
            <RootCommand
              line={`stowage restore --resume ${progress.id}${identityPlace(needsIdentity)}`}
            />
          )}
        </div>
      )}
      <SegmentTable
        order="Failed and slowest first"
        segments={segments}
        head={
          <>
            <th scope="col">Segment</th>
            <th scope="col">State</th>
            <th scope="col">Phase</th>
            <th scope="col" class="barcolumn">
              Phases done
            </th>
            <th scope="col" class="number">
              Rows
            </th>
            <th scope="col" class="number wide">
              Size
            </th>
            <th scope="col" class="number">
              For
            </th>
          </>
        }
        row={(segment) => (
          <tr key={segment.content} title={segment.problems.join('\n')}>
            <th scope="row">{segment.content}</th>
            <td>
              <Chip state={segment.state} />
            </td>
            <td>{segment.state === 'done' ? '' : segment.phase}</td>
            <td class="barcolumn">
              <Bar share={segment.phasesDone / Math.max(1, phases.length)} state={segment.state} />{' '}
              {segment.phasesDone} of {phases.length}
            </td>
            <td class="number">
              {count(segment.rows)} <span class="muted">of {count(segment.rowsPlanned)}</span>
            </td>
            <td class="number wide">{bytes(segment.bytesPlanned)}</td>
            <td class="number">
              {segment.since === undefined ? '–' : age(Date.parse(now) - Date.parse(segment.since))}
            </td>
          </tr>
        )}
      />
    </>
  );
}
