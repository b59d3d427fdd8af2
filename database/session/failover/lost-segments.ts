import { StowageError } from '../../../backup-set/base/errors.ts';
import { sqlStateOf } from '../database-error.ts';
import { detailOf, SEGMENT_LOST } from './named-segment.ts';

/** The other error of the same cause, which has no SQLSTATE of its own. */
const GANG_LOST = 'gang was lost due to cluster reconfiguration';

/** A row of gp_segment_configuration: an instance of a segment. */
export interface Instance {
  readonly content: number;
  /** p or m */
  readonly role: string;
  /** s = in sync with its primary or mirror */
  readonly mode: string;
  /** u or d */
  readonly status: string;
  readonly host: string;
  readonly port: number;
}

/** What the coordinator says about its segments, and how long its fault detection (FTS) takes. */
export interface ClusterState {
  readonly instances: readonly Instance[];
  readonly probeIntervalSeconds: number;
  readonly probeRetries: number;
}

/** After the last retry FTS promotes the mirror, which then replays the rest of its log. */
const PROMOTION_MS = 30_000;
/** No mirror will take over: the primary itself may restart after a crash. */
const RESTART_MS = 60_000;
const NAMED_MAX = 10;

/** Whether a statement failed because a segment does not answer the coordinator. */
export function isSegmentLoss(error: unknown): boolean {
  if (sqlStateOf(error) === SEGMENT_LOST) return true;
  return error instanceof Error && error.message.includes(GANG_LOST);
}

/** How long to wait for the lost contents; when they are not known, as if each had a mirror. */
export function waitMsFor(lost: readonly number[], state: ClusterState): number {
  const { instances, probeIntervalSeconds, probeRetries } = state;
  const mirrored = new Set(instances.filter(canTakeOver).map(({ content }) => content));
  const waits = lost.length === 0 ? mirrored.size > 0 : lost.every((one) => mirrored.has(one));
  if (!waits) return RESTART_MS;
  return probeIntervalSeconds * Math.max(probeRetries, 1) * 1_000 + PROMOTION_MS;
}

const canTakeOver = ({ role, mode, status }: Instance) =>
  role === 'm' && status === 'u' && mode === 's';

/** `content 1 (sdw2:6001; its mirror sdw3:7001 is down)`, for each lost content. */
export function describeLost(lost: readonly number[], { instances }: ClusterState): string {
  const place = ({ host, port }: Instance) => `${host}:${port}`;
  const named = lost.slice(0, NAMED_MAX).map((content) => {
    const own = instances.filter((row) => row.content === content);
    const primary = own.find(({ role }) => role === 'p');
    const mirror = own.find(({ role }) => role === 'm');
    const about =
      mirror === undefined
        ? 'it has no mirror'
        : `its mirror ${place(mirror)} is ${mirror.status !== 'u' ? 'down' : mirror.mode === 's' ? 'in sync' : 'not in sync'}`;
    return `content ${content} (${primary === undefined ? 'no primary' : place(primary)}; ${about})`;
  });
  const more = lost.length > NAMED_MAX ? ` and ${lost.length - NAMED_MAX} more` : '';
  return lost.length === 0 ? 'a segment that the server does not name' : named.join(', ') + more;
}

/** The error when the time is over and the contents still do not answer. */
export function segmentDown(
  lost: readonly number[],
  state: ClusterState,
  waitedMs: number,
  cause: unknown,
): StowageError {
  const message = `the coordinator got no answer for ${Math.round(waitedMs / 1000)} s from ${describeLost(lost, state)}: ${causeText(cause)}`;
  const [content] = lost;
  return new StowageError('database/segment-down', message, {
    cause,
    ...(content !== undefined && { where: { content } }),
  });
}

/** The server's own words: its DETAIL says what happened to the segment. */
function causeText(cause: unknown): string {
  let text = '';
  for (let at: unknown = cause; at instanceof Error; at = at.cause) {
    const detail = detailOf(at);
    text = detail === '' ? at.message : `${at.message} (${detail})`;
  }
  return text.replaceAll(/\s+/g, ' ');
}
