import { setTimeout as sleep } from 'node:timers/promises';

/** A second connection to a server, for questions about a backend. */
export interface Probe {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Ends it at once. Never throws. */
  destroy(): Promise<void>;
}

/** The backends in question: those of one process id, or all of one application name. */
export type Sought = { readonly pid: number } | { readonly application: string };

/** What a new connection to the server has shown about them. */
export type Liveness =
  /** The new connection was not answered either. */
  | { readonly kind: 'server-silent'; readonly cause: unknown }
  /** The server answers, but not this question: it has no connection left, for example. */
  | { readonly kind: 'unknown'; readonly cause: unknown }
  /** No such backend: it has ended, and its last message was lost. */
  | { readonly kind: 'gone' }
  /** The backends wait for the client: the server's answer, or the client's request, was lost. */
  | ({ readonly kind: 'idle' } & Quiet)
  /** A statement runs, and something that the server shows about it changed while we looked. */
  | { readonly kind: 'moving'; readonly backends: readonly Backend[] }
  /** A statement runs, and nothing changed: it computes, waits, or its process is stopped. */
  | ({ readonly kind: 'still' } & Quiet);

interface Quiet {
  readonly backends: readonly Backend[];
  /** How long ago one of them has begun or ended a statement. */
  readonly quietMs: number;
}

/** A row of pg_stat_activity; which columns it has depends on the version. */
export interface Backend {
  readonly pid: number;
  readonly state: string | null;
  readonly wait_event_type?: string | null;
  readonly wait_event?: string | null;
  readonly query?: string | null;
  /** Greenplum 6 has these instead of a wait event. */
  readonly waiting?: boolean;
  readonly waiting_reason?: string | null;
}

/**
 * A running backend shows different wait events, or its progress, within this time. A stopped one
 * never does.
 */
const SAMPLES = 20;
const SAMPLE_EVERY_MS = 100;
/** The bounds of the time for a new connection and all samples. */
const PROBE_MS_MIN = 5_000;
const PROBE_MS_MAX = 15_000;

/** Looks at backends over a new connection. Bounded in time; never throws. */
export async function lookAt(
  open: (signal: AbortSignal) => Promise<Probe>,
  sought: Sought,
  stallMs: number,
): Promise<Liveness> {
  const limitMs = Math.min(PROBE_MS_MAX, Math.max(PROBE_MS_MIN, stallMs));
  const limit = AbortSignal.timeout(limitMs);
  let probe: Probe | undefined;
  const expired = new Promise<never>((_, reject) => {
    const expire = () => reject(new Error(`no answer within ${limitMs / 1000} s`));
    limit.addEventListener('abort', expire, { once: true });
  });
  expired.catch(() => undefined);
  const looking = (async () => {
    probe = await open(limit);
    return sample(probe, sought);
  })();
  try {
    return await Promise.race([looking, expired]);
  } catch (cause) {
    return { kind: isAnswer(cause) ? 'unknown' : 'server-silent', cause };
  } finally {
    looking.catch(() => undefined);
    void probe?.destroy();
  }
}

/** A state that is not shown (track_activities = off) counts as active. */
const isActive = ({ state }: Backend) =>
  state === 'active' || state === null || state === 'disabled';

/** True when every running statement waits for a lock of another session. */
export function onlyWaitForLocks(backends: readonly Backend[]): boolean {
  const active = backends.filter(isActive);
  return active.length > 0 && active.every(waitsForLock);
}

const waitsForLock = ({ wait_event_type, waiting, waiting_reason }: Backend) =>
  wait_event_type === 'Lock' || (waiting === true && waiting_reason === 'lock');

async function sample(probe: Probe, sought: Sought): Promise<Liveness> {
  const views = await progressViews(probe);
  let first: string | undefined;
  let backends: Backend[] = [];
  let quietMs = 0;
  for (let at = 0; at < SAMPLES; at += 1) {
    if (at > 0) await sleep(SAMPLE_EVERY_MS);
    const rows = await read(probe, sought, views);
    backends = rows.flatMap(({ backend }) => (backend === null ? [] : [backend]));
    if (backends.length === 0) return { kind: 'gone' };
    quietMs = Math.min(...rows.map((row) => row.quietMs ?? Number.POSITIVE_INFINITY));
    const seen = JSON.stringify(rows.map(({ backend, progress }) => [backend, progress]));
    first ??= seen;
    if (seen !== first) return { kind: 'moving', backends };
  }
  return { kind: backends.some(isActive) ? 'still' : 'idle', backends, quietMs };
}

/** The progress views of this version, e.g. pg_stat_progress_copy. */
async function progressViews(probe: Probe): Promise<string[]> {
  const rows = await probe.query<{ name: string }>(
    `SELECT relname::text AS name FROM pg_catalog.pg_class
     WHERE relnamespace = ${PG_CATALOG} AND relname ~ '^pg_stat_progress_[a-z_]+$'
     ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Greenplum 6 has no type regnamespace. */
const PG_CATALOG = `(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')`;

interface Sampled {
  readonly backend: Backend | null;
  readonly progress: unknown;
  readonly quietMs: number | null;
}

/** Rows as JSON, because their columns differ between versions. */
function read(probe: Probe, sought: Sought, views: readonly string[]): Promise<Sampled[]> {
  const [condition, value] =
    'pid' in sought
      ? [
          // Of a parallel query, the leader only waits: its workers show the progress.
          "(a.pid = $1 OR (row_to_json(a)->>'leader_pid')::int = $1)",
          sought.pid,
        ]
      : ['a.application_name = $1', sought.application];
  const progress = views.map(
    (view) =>
      `UNION ALL SELECT NULL, row_to_json(p), NULL FROM pg_catalog.${view} p JOIN wanted USING (pid)`,
  );
  return probe.query<Sampled>(
    `WITH wanted AS (SELECT a.pid, row_to_json(a) AS backend,
         (extract(epoch FROM clock_timestamp() - greatest(a.query_start, a.state_change)) * 1000)::float8 AS quiet
       FROM pg_catalog.pg_stat_activity a
       WHERE ${condition} AND a.pid <> pg_catalog.pg_backend_pid())
     SELECT backend, NULL::json AS progress, quiet AS "quietMs" FROM wanted ${progress.join(' ')}`,
    [value],
  );
}

/** An error message of the server has an SQLSTATE: the server answers. */
function isAnswer(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('severity' in at && 'code' in at) return true;
  return false;
}

/** What the backends do, for messages: `process 123 runs "SELECT 1" (waits for IO: WALSync)`. */
export function describeBackends(backends: readonly Backend[]): string {
  return backends.slice(0, DESCRIBED_MAX).map(describe).join('; ');
}

const DESCRIBED_MAX = 3;
const QUERY_CHARS_MAX = 120;

function describe(backend: Backend): string {
  const { pid, state, wait_event_type, wait_event, query } = backend;
  const text = (query ?? '').replaceAll(/\s+/g, ' ').slice(0, QUERY_CHARS_MAX);
  const running = isActive(backend) ? `runs "${text}"` : `is ${state}`;
  const event = wait_event_type == null ? undefined : `${wait_event_type}: ${wait_event}`;
  const awaited = event ?? (waitsForLock(backend) ? 'a lock' : undefined);
  const waits = awaited === undefined ? '' : ` (waits for ${awaited})`;
  return `process ${pid} ${running}${waits}`;
}
