import type {
  BackupProgress,
  ConsoleRestore,
  Overview,
  RestoreProgress,
} from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { age, bytes, count, localTime, percent } from '../base/format.ts';
import { addressOf, type Route } from '../base/route.ts';
import { Bar, Chip, Command, FailureBox, Figure } from '../parts/pieces.tsx';

const POLL_MS = 3_000;
const SEGMENTS_SHOWN = 200;

/** Backups and restores that run, and one of them by segment. */
export function RunningPage({
  route,
  overview,
  kind,
  id,
}: {
  readonly route: Route;
  readonly overview: Overview;
  readonly kind: string;
  readonly id: string;
}) {
  if (kind === 'backup') return <Backup root={route.root} timestamp={id} key={id} />;
  if (kind === 'restore') return <Restore root={route.root} id={id} key={id} />;
  const open = overview.sets.filter(({ state }) => state === 'open' || state === 'overdue');
  const { restores } = overview;
  const running = restores.filter(({ status }) => status === 'running' || status === 'stalled');
  const ended = restores.filter((restore) => !running.includes(restore));
  return (
    <div class="page">
      <h1>Running</h1>
      {open.length + running.length === 0 && (
        <p class="calm">No backup and no restore is running.</p>
      )}
      <ul class="runs">
        {open.map(({ timestamp, state, database, lastArrival }) => (
          <li key={timestamp}>
            <Chip state={state} text={state === 'open' ? 'backup' : 'backup stopped'} />
            <a href={addressOf(route.root, ['running', 'backup', timestamp])}>Backup {timestamp}</a>
            <span>{database}</span>
            <span class="muted">
              last object{' '}
              {lastArrival ? `${age(Date.parse(overview.now) - Date.parse(lastArrival))} ago` : '–'}
            </span>
          </li>
        ))}
        {running.map((restore) => (
          <RestoreRow key={restore.id} restore={restore} route={route} />
        ))}
      </ul>
      {ended.length > 0 && (
        <section aria-labelledby="ended">
          <div class="sectionhead">
            <h2 id="ended">Restores</h2>
            {overview.restoresLeftOut > 0 && (
              <span class="muted">{count(overview.restoresLeftOut)} older ones not shown</span>
            )}
          </div>
          <ul class="runs">
            {ended.map((restore) => (
              <RestoreRow key={restore.id} restore={restore} route={route} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function RestoreRow({
  restore,
  route,
}: {
  readonly restore: ConsoleRestore;
  readonly route: Route;
}) {
  const { id, status, set, target, requestedAt, problems } = restore;
  return (
    <li>
      <Chip state={status} />
      <a href={addressOf(route.root, ['running', 'restore', id])}>
        Restore of {set ?? 'a set'} into {target ?? '–'}
      </a>
      <span class="muted">{localTime(requestedAt)}</span>
      <span class="detail">{problems[0] ?? ''}</span>
    </li>
  );
}

function Backup({ root, timestamp }: { readonly root: number; readonly timestamp: string }) {
  const { value, failure } = useApi<BackupProgress>(
    apiAddress(root, `sets/${encodeURIComponent(timestamp)}/progress`),
    (known) => (known?.state === 'complete' ? undefined : POLL_MS),
  );
  return (
    <div class="page">
      <div class="sectionhead">
        <h1>
          Backup {timestamp} {value && <Chip state={value.state} />}
        </h1>
        {value?.state === 'complete' && (
          <a href={addressOf(root, ['set', timestamp])}>Open the set</a>
        )}
      </div>
      {failure && <FailureBox failure={failure} />}
      {value && <BackupSegments progress={value} />}
    </div>
  );
}

function BackupSegments({ progress }: { readonly progress: BackupProgress }) {
  const { segments, now, startedAt, expectedFrom, unread, failures } = progress;
  const sum = (of: (segment: BackupProgress['segments'][number]) => number) =>
    segments.reduce((total, segment) => total + of(segment), 0);
  const stored = sum(({ storedBytes }) => storedBytes);
  const expected = sum(({ expectedBytes = 0 }) => expectedBytes);
  const done = segments.filter(({ state }) => state === 'sealed' || state === 'shipped').length;
  return (
    <>
      <dl class="figures">
        <Figure label="Runs since" note={localTime(startedAt)}>
          {age(Date.parse(now) - Date.parse(startedAt))}
        </Figure>
        <Figure
          label="Stored"
          note={expectedFrom && `set ${expectedFrom} added ${bytes(expected)}`}
        >
          {bytes(stored)}
        </Figure>
        <Figure
          label="Rows"
          note={unread > 0 ? `${count(unread)} receipts are not read yet` : undefined}
        >
          {count(sum(({ rows }) => rows))}
        </Figure>
        <Figure label="Segments done">
          {count(done)} of {count(segments.length)}
        </Figure>
      </dl>
      {failures.map((text) => (
        <p key={text} class="failure">
          {text}
        </p>
      ))}
      <div class="scroll">
        <table class="segments">
          <caption>
            Slowest first
            {segments.length > SEGMENTS_SHOWN && `, ${SEGMENTS_SHOWN} of ${count(segments.length)}`}
          </caption>
          <thead>
            <tr>
              <th scope="col">Segment</th>
              <th scope="col">State</th>
              <th scope="col" class="barcolumn">
                {expectedFrom === undefined ? 'Tables begun' : 'Of what the last set added'}
              </th>
              <th scope="col" class="number">
                Stored
              </th>
              <th scope="col" class="number wide">
                Packs
              </th>
              <th scope="col" class="number wide">
                Rows
              </th>
              <th scope="col" class="number wide">
                Tables begun
              </th>
              <th scope="col" class="number">
                Last object
              </th>
            </tr>
          </thead>
          <tbody>
            {segments.slice(0, SEGMENTS_SHOWN).map((segment) => {
              const { expectedBytes, storedBytes, tables, tablesPlanned } = segment;
              const share = expectedBytes
                ? storedBytes / expectedBytes
                : tables / Math.max(1, tablesPlanned);
              return (
                <tr key={segment.content}>
                  <th scope="row">
                    {segment.content} <span class="muted">{segment.host}</span>
                  </th>
                  <td>
                    <Chip state={segment.state} />
                  </td>
                  <td class="barcolumn">
                    <Bar share={share} state={segment.state} /> {percent(share)}
                  </td>
                  <td class="number">{bytes(storedBytes)}</td>
                  <td class="number wide">{count(segment.packs)}</td>
                  <td class="number wide">{count(segment.rows)}</td>
                  <td class="number wide">
                    {count(tables)} of {count(tablesPlanned)}
                  </td>
                  <td class="number">
                    {segment.lastArrival === undefined
                      ? '–'
                      : `${age(Date.parse(now) - Date.parse(segment.lastArrival))} ago`}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Restore({ root, id }: { readonly root: number; readonly id: string }) {
  const { value, failure } = useApi<RestoreProgress>(
    apiAddress(root, `restores/${encodeURIComponent(id)}`),
    (known) =>
      known === undefined || known.status === 'running' || known.status === 'stalled'
        ? POLL_MS
        : undefined,
  );
  return (
    <div class="page">
      <div class="sectionhead">
        <h1>
          Restore {id} {value && <Chip state={value.status} />}
        </h1>
        {value && <a href={addressOf(root, ['set', value.set])}>Set {value.set}</a>}
      </div>
      {failure && <FailureBox failure={failure} />}
      {value && <RestoreSegments progress={value} />}
    </div>
  );
}

function RestoreSegments({ progress }: { readonly progress: RestoreProgress }) {
  const { segments, phases, phase, problems, problemsTotal, now } = progress;
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
          <Command line={`stowage restore --resume ${progress.id}`} />
        </div>
      )}
      <div class="scroll">
        <table class="segments">
          <caption>
            Failed and slowest first
            {segments.length > SEGMENTS_SHOWN && `, ${SEGMENTS_SHOWN} of ${count(segments.length)}`}
          </caption>
          <thead>
            <tr>
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
            </tr>
          </thead>
          <tbody>
            {segments.slice(0, SEGMENTS_SHOWN).map((segment) => (
              <tr key={segment.content} title={segment.problems.join('\n')}>
                <th scope="row">{segment.content}</th>
                <td>
                  <Chip state={segment.state} />
                </td>
                <td>{segment.state === 'done' ? '' : segment.phase}</td>
                <td class="barcolumn">
                  <Bar
                    share={segment.phasesDone / Math.max(1, phases.length)}
                    state={segment.state}
                  />{' '}
                  {segment.phasesDone} of {phases.length}
                </td>
                <td class="number">
                  {count(segment.rows)} <span class="muted">of {count(segment.rowsPlanned)}</span>
                </td>
                <td class="number wide">{bytes(segment.bytesPlanned)}</td>
                <td class="number">
                  {segment.since === undefined
                    ? '–'
                    : age(Date.parse(now) - Date.parse(segment.since))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
