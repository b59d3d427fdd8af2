import type { ConsoleRestore, Overview } from '../../functions/serve/console/api.ts';
import { count, localTime } from '../base/format.ts';
import { addressOf, type Route } from '../base/route.ts';
import { Chip } from '../parts/pieces.tsx';
import { RequestsSection } from './requests.tsx';
import { Backup } from './running-backup.tsx';
import { Restore } from './running-restore.tsx';

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
  if (kind === 'restore')
    return <Restore root={route.root} id={id} sets={overview.sets} key={id} />;
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
            <span class="muted">last object {localTime(lastArrival)}</span>
          </li>
        ))}
        {running.map((restore) => (
          <RestoreRow key={restore.id} restore={restore} route={route} />
        ))}
      </ul>
      {route.root === 0 && <RequestsSection />}
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
