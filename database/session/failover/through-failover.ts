import { throwIfInterrupted } from '../../../async/abort.ts';
import { mapInFlight } from '../../../async/each-in-flight.ts';
import { pause } from '../../../async/poll.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { sqlStateOf } from '../database-error.ts';
import type { Session, SessionOptions } from '../session-types.ts';
import {
  type ClusterState,
  describeLost,
  type Instance,
  isSegmentLoss,
  segmentDown,
  waitMsFor,
} from './lost-segments.ts';
import { contentIn } from './named-segment.ts';

/** The failed statement itself waits until FTS has probed all segments once. */
const RETRY_MS = 1_000;
const PROBES_AT_ONCE = 16;
const PROBE_MS_MAX = 5_000;
/** A release rejects the option of another one, which also shows that the segment answers. */
export const UTILITY = { 6: '-c gp_session_role=utility', 7: '-c gp_role=utility' } as const;

/**
 * A session of a Greenplum coordinator alone, for questions about its catalogs: an ordinary one
 * makes a process on every segment. Other targets as they are.
 */
export function withoutSegments(target: ConnectionTarget): ConnectionTarget {
  const { greenplum, ordinaryOnly } = target;
  if (greenplum === undefined || ordinaryOnly === true) return target;
  return { ...target, options: UTILITY[greenplum] };
}

export interface FailoverTerms extends Pick<SessionOptions, 'signal' | 'onSilence'> {
  readonly open: (target: ConnectionTarget, options: SessionOptions) => Promise<Session>;
  /** Milliseconds of a clock that never goes back; tests pass their own. */
  readonly now?: () => number;
  readonly retryMs?: number;
}

/**
 * Runs the first statement of a session. While a segment does not answer Greenplum's coordinator,
 * it is run again, until FTS has promoted the mirror. It must have no effect when it fails.
 * @throws StowageError `database/segment-down` naming the contents when the time of FTS is over;
 * `interrupted`; other errors of the statement as they are.
 */
export async function throughFailover<T>(
  session: Session,
  terms: FailoverTerms,
  statement: () => Promise<T>,
): Promise<T> {
  const { signal, onSilence, now = () => performance.now(), retryMs = RETRY_MS } = terms;
  const since = now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await statement();
    } catch (error) {
      if (!isSegmentLoss(error)) throw error;
      throwIfInterrupted(signal);
      const state = await readState(session);
      const named = contentIn(error);
      const lost = named === undefined ? await silentContents(session, state, terms) : [named];
      const waitMs = waitMsFor(lost, state);
      if (now() - since >= waitMs) throw segmentDown(lost, state, now() - since, error);
      if (attempt === 1)
        onSilence?.(
          `the coordinator gets no answer from ${describeLost(lost, state)}; waiting for it, at most ${Math.round(waitMs / 1000)} s`,
        );
      await pause(retryMs, signal);
      throwIfInterrupted(signal);
    }
  }
}

/** Reads catalogs of the coordinator only, so it works while segments are down. */
export async function readState(session: Session): Promise<ClusterState> {
  const instances = await session.query<Instance>(
    `SELECT content::int AS content, role::text AS role, mode::text AS mode, status::text AS status,
            address AS host, port::int AS port
     FROM pg_catalog.gp_segment_configuration WHERE content >= 0 ORDER BY content, role DESC`,
  );
  const [row] = await session.query<{ interval: number; retries: number }>(
    `SELECT extract(epoch FROM current_setting('gp_fts_probe_interval')::interval)::float8 AS interval,
            current_setting('gp_fts_probe_retries')::float8 AS retries`,
  );
  return {
    instances,
    probeIntervalSeconds: row?.interval ?? 60,
    probeRetries: row?.retries ?? 5,
  };
}

/**
 * The contents whose primary refuses a connection or does not answer it; where all answer, those
 * with an instance that is marked down: FTS has just replaced it.
 */
export async function silentContents(
  { target }: Session,
  { instances }: ClusterState,
  { open, signal }: Pick<FailoverTerms, 'open' | 'signal'>,
): Promise<number[]> {
  const primaries = instances.filter(({ role }) => role === 'p');
  const silent = await mapInFlight(primaries, PROBES_AT_ONCE, async ({ content, host, port }) => {
    const limit = AbortSignal.timeout(PROBE_MS_MAX);
    const { greenplum = 6, ...rest } = target;
    const probe = open(
      { ...rest, content, host, port, options: UTILITY[greenplum] },
      {
        purpose: 'probe',
        applicationName: 'stowage probe',
        isUnwatched: true,
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      },
    );
    return await probe.then(
      async (opened) => {
        await opened.close();
        return [];
      },
      (error: unknown) => (isSilent(error) ? [content] : []),
    );
  });
  const down = instances.filter(({ status }) => status === 'd').map(({ content }) => content);
  return silent.some((one) => one.length > 0) ? silent.flat() : [...new Set(down)];
}

/** 57P03: it starts up, or recovers from a crash. */
function isSilent(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || state === '57P03';
}
