import { mapInFlight } from '../../async/each-in-flight.ts';
import type { ErrorCode } from '../../backup-set/base/errors.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import type { Segment } from '../../database/flavour.ts';
import { findMark } from '../../database/target/unfinished/mark.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { sameIdentity } from '../keys/identity-words.ts';
import { contentFlags } from './command/contents.ts';
import { changedSegments } from './expected.ts';
import { resumeCommand } from './unfinished.ts';

const SEGMENTS_AT_ONCE = 16;
/** A target that failed may not answer any more. */
const ASK_MS_MAX = 10_000;

/** What a failed restore left in the target. */
export interface Aftermath {
  /** Undefined = not known. */
  readonly targetChanged: boolean | undefined;
  /** What is there, and what to do next: `failed: …`. */
  readonly text: string;
}

type Failed = Pick<RestoreRequest, 'id' | 'timestamp' | 'mode' | 'contents' | 'map' | 'references'>;

/** Problems of a restore that another copy of the set does not have. */
const DAMAGE: ReadonlySet<string> = new Set<Problem['code'] | ErrorCode>([
  'digest-differs',
  'frame-unreadable',
  'object-missing',
  'size-differs',
  'set/damaged',
  'set/unreadable',
  'storage/changed',
  'storage/invalid',
  'storage/not-found',
]);

const isDamage = ({ code, cause = '' }: Problem) => DAMAGE.has(code) || DAMAGE.has(cause);

/** What one content answers: undefined = nothing. */
interface Answer {
  readonly content: number;
  readonly found: { readonly exists: boolean; readonly isMarked: boolean } | undefined;
}

/**
 * Looks at the target after a failed restore. With `create` no database existed before, so the
 * databases that exist now are what the restore has changed. With other modes the mark tells that
 * tables were created or emptied. Never throws.
 */
export async function lookAtTarget(
  context: ClusterContext,
  segments: readonly Segment[],
  request: Failed,
  problems: readonly Problem[],
): Promise<Aftermath> {
  const { config, env } = context;
  // The signal of the command may have fired.
  const signal = AbortSignal.timeout(ASK_MS_MAX);
  const asked = changedSegments(config.flavour, segments);
  const answers = await mapInFlight(asked, SEGMENTS_AT_ONCE, async (segment) => ({
    content: segment.content,
    found: await findMark(targetOf(config, segment, env), signal).then(
      ({ exists, mark }) => ({ exists, isMarked: mark !== undefined }),
      () => undefined,
    ),
  }));
  const identity = sameIdentity(context);
  return aftermathOf(config.database, request, answers, { problems, identity });
}

interface Known {
  readonly problems?: readonly Problem[];
  /** The --identity flags of this command line. */
  readonly identity?: string;
}

export function aftermathOf(
  database: string,
  request: Failed,
  answers: readonly Answer[],
  { problems = [], identity = '' }: Known = {},
): Aftermath {
  const { id, timestamp, mode } = request;
  const those = (holds: (answer: Answer) => boolean) =>
    answers.filter(holds).map(({ content }) => content);
  const isCreate = mode === 'create';
  const changed = those(({ found }) => (isCreate ? found?.exists : found?.isMarked) === true);
  const silent = those(({ found }) => found === undefined);
  const startAgain = `\`stowage restore ${timestamp} --create --drop-unfinished${contentFlags(request)}${identity}`;
  const next =
    isCreate && problems.some(isDamage)
      ? `The set is damaged under this root: restore it from a good copy with ${startAgain} --root COPY\``
      : `Correct the cause, and continue with \`${resumeCommand(id, identity)}\`${isCreate ? `, or start again with ${startAgain}\`` : ''}`;
  if (changed.length > 0) {
    const what = isCreate ? 'was created' : 'is marked as unfinished';
    const unknown =
      silent.length === 0
        ? ''
        : `; content ${silent.join(', ')} did not answer, and may hold it too`;
    return {
      targetChanged: true,
      text: `the target holds part of the set: database ${database} ${what} on content ${changed.join(', ')}${unknown}. ${next}`,
    };
  }
  if (silent.length > 0)
    return {
      targetChanged: undefined,
      text: `the target may hold part of the set: content ${silent.join(', ')} did not answer, and ${isCreate ? `the others have no database ${database}` : 'the others are not marked as unfinished'}. ${next}`,
    };
  if (isCreate)
    return {
      targetChanged: false,
      text: `the target was not changed: no database ${database} exists. Correct the cause, and restore again`,
    };
  return {
    targetChanged: undefined,
    text: `the target may hold part of the set, but no database ${database} is marked as unfinished. Correct the cause, and restore again`,
  };
}
