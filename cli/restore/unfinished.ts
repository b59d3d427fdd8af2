import { eachInFlight, mapInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import type { ConnectionTarget, Segment } from '../../database/flavour.ts';
import { withoutSegments } from '../../database/session/failover/through-failover.ts';
import { openSession } from '../../database/session/session.ts';
import { dropDatabase } from '../../database/target/database.ts';
import {
  findMark,
  type MarkedDatabase,
  removeMark,
  type UnfinishedRestore,
} from '../../database/target/unfinished/mark.ts';
import { isEncrypting } from '../../encryption/settings.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { identityFor, sameIdentity } from '../keys/identity-words.ts';
import { contentFlags } from './command/contents.ts';
import { changedSegments } from './expected.ts';

const SEGMENTS_AT_ONCE = 16;
/** The signal of the command may have fired when the last step begins. */
const REMOVE_MS_MAX = 30_000;

interface Found extends MarkedDatabase {
  readonly segment: Segment;
}

/** The command that finishes an unfinished restore. */
export const resumeCommand = (restore: string, identity = '') =>
  `stowage restore --resume ${restore}${identity}`;

interface MarkOptions {
  readonly drop: boolean;
  /** Drop nothing, and say what would be dropped. */
  readonly onlyLook?: boolean;
}

/**
 * Compares the marks of the target databases with the request, before anything is changed. With
 * `drop`, databases that an unfinished restore has created are dropped.
 * @returns the contents whose databases are dropped.
 * @throws StowageError `restore/refused` naming the unfinished restore and the commands that finish
 * it or start again.
 */
export async function requireUnmarked(
  context: ClusterContext,
  segments: readonly Segment[],
  request: RestoreRequest,
  { drop, onlyLook = false }: MarkOptions,
): Promise<readonly number[]> {
  const found = await findMarks(context, segments, context.signal);
  if (request.resumes !== undefined) {
    requireResumable(context, found, request.resumes);
    requireSameMark(context, found, request);
    return [];
  }
  const [marked] = markedIn(found);
  const created = found.find(({ isNew }) => isNew);
  if (drop && (marked ?? created) !== undefined) return dropMarked(context, found, onlyLook);
  if (marked !== undefined) {
    const text = explain(marked.mark, request, sameIdentity(context));
    throw refused(context, marked, text);
  }
  if (created !== undefined)
    throw refused(
      context,
      created,
      `was created by a restore that was killed before it restored anything. Restore with --create --drop-unfinished`,
    );
  if (request.mode !== 'truncate' || found.every(({ canMark }) => canMark)) return [];
  context.output.note(
    'cannot-mark',
    {},
    `the role may not create a schema in database ${context.config.database}, which would mark the restore as unfinished: if it fails, it cannot be resumed`,
  );
  return [];
}

/** Tells the user of a backup that a database which it saves is unfinished. Never throws. */
export async function noteUnfinished(
  context: ClusterContext,
  segments: readonly Segment[],
): Promise<void> {
  // The snapshot reports what cannot be reached.
  const found = await unfinishedIn(context, segments).catch(() => undefined);
  if (found === undefined) return;
  const { restore, set } = found.mark;
  const { content } = found.segment;
  context.output.note(
    'unfinished-restore',
    { content, restore, set },
    `content ${content}: ${explainUnfinished(found.mark, context)}. The set of this backup may lack rows and objects`,
  );
}

/** The first database that an unfinished restore has marked. */
export async function unfinishedIn(context: ClusterContext, segments: readonly Segment[]) {
  const [marked] = markedIn(await findMarks(context, segments, context.signal, withoutSegments));
  return marked;
}

/** Whether the set is encrypted is not known: a cluster that encrypts restores its own sets. */
export function explainUnfinished(
  { restore, set }: UnfinishedRestore,
  context: Pick<ClusterContext, 'config' | 'sources'>,
): string {
  const { database, encryption } = context.config;
  const identity = identityFor(context, encryption !== undefined && isEncrypting(encryption));
  return `database ${database} holds an unfinished restore of set ${set}; finish it with \`${resumeCommand(restore, identity)}\``;
}

/** The marks of the databases that a restore would change. */
function findMarks(
  context: ClusterContext,
  segments: readonly Segment[],
  signal: AbortSignal,
  by = (target: ConnectionTarget) => target,
): Promise<Found[]> {
  const { config, env } = context;
  const changed = changedSegments(config.flavour, segments);
  return mapInFlight(changed, SEGMENTS_AT_ONCE, async (segment) => ({
    segment,
    ...(await findMark(by(targetOf(config, segment, env)), signal)),
  }));
}

/**
 * The last step of a restore.
 * @throws StowageError `restore/failed` when a mark could not be removed.
 */
export async function removeMarks(
  context: ClusterContext,
  segments: readonly Segment[],
  { id, resumes = id }: Pick<RestoreRequest, 'id' | 'resumes'>,
): Promise<void> {
  const { config, env } = context;
  const signal = AbortSignal.timeout(REMOVE_MS_MAX);
  const applicationName = `stowage restore ${id} end`;
  try {
    await eachInFlight(changedSegments(config.flavour, segments), SEGMENTS_AT_ONCE, async (one) => {
      const target = targetOf(config, one, env);
      const session = await openSession(target, { purpose: 'restore', applicationName, signal });
      try {
        await removeMark(session);
      } finally {
        await session.close();
      }
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `every table of the set is restored, but database ${config.database} is still marked as unfinished: ${why}. Remove the mark with \`${resumeCommand(resumes, sameIdentity(context))}\``;
    throw new StowageError('restore/failed', message, { cause });
  }
}

function markedIn(found: readonly Found[]) {
  return found.flatMap((one) => (one.mark === undefined ? [] : [{ ...one, mark: one.mark }]));
}

/** Drops the databases that an unfinished restore has created, after a look at all of them. */
async function dropMarked(
  context: ClusterContext,
  found: readonly Found[],
  onlyLook: boolean,
): Promise<readonly number[]> {
  const { config, env, output, signal } = context;
  const existing = found.filter(({ exists }) => exists);
  const kept = existing.find(({ mark, isNew }) => !isNew && mark?.mode !== 'create');
  if (kept !== undefined)
    throw refused(
      context,
      kept,
      `${kept.mark === undefined ? 'has no mark of an unfinished restore' : `existed before the unfinished restore ${kept.mark.restore}`}: --drop-unfinished drops only databases that an unfinished restore has created`,
    );
  const contents = existing.map(({ segment: { content } }) => content);
  output.note(
    'dropping',
    { contents, database: config.database },
    `${onlyLook ? 'would drop' : 'dropping'} database ${config.database} on content ${contents.join(', ')}, which a restore has created and not finished`,
  );
  if (onlyLook) return contents;
  await eachInFlight(existing, SEGMENTS_AT_ONCE, ({ segment }) =>
    dropDatabase(targetOf(config, segment, env), signal),
  );
  return contents;
}

function requireResumable(context: ClusterContext, found: readonly Found[], resumes: string): void {
  const marked = markedIn(found);
  const other = marked.find(({ mark }) => mark.restore !== resumes);
  if (other !== undefined)
    throw refused(
      context,
      other,
      `holds the unfinished restore ${other.mark.restore}, not ${resumes}. Resume it with \`${resumeCommand(other.mark.restore, sameIdentity(context))}\``,
    );
  if (marked.length === 0 && !found.some(({ isNew }) => isNew))
    throw new StowageError(
      'restore/refused',
      `restore ${resumes} cannot be resumed: no database ${context.config.database} of this cluster is marked by it. It has changed nothing, has ended as restored, or had a role that may not create the mark. Start a new restore`,
    );
  const unmarked = found.find(({ exists, mark, isNew }) => exists && !isNew && mark === undefined);
  if (marked[0]?.mark.mode === 'create' && unmarked !== undefined)
    throw refused(
      context,
      unmarked,
      `already exists and has no mark of restore ${resumes}. Drop it, and resume again`,
    );
}

/** The marks lie in the databases of the target, and the request that is resumed in the bucket. */
function requireSameMark(
  context: ClusterContext,
  found: readonly Found[],
  { timestamp, mode, resumes }: RestoreRequest,
): void {
  const other = markedIn(found).find(({ mark }) => mark.set !== timestamp || mark.mode !== mode);
  if (other === undefined) return;
  const { set, mode: begun } = other.mark;
  throw refused(
    context,
    other,
    `holds the unfinished restore of set ${set} with mode ${begun}, and the request of restore ${resumes} names set ${timestamp} with mode ${mode}: another program has changed the request. Drop what was restored, and start again`,
  );
}

function explain(
  { restore, set, mode }: UnfinishedRestore,
  request: RestoreRequest,
  identity: string,
): string {
  const start =
    mode === 'create'
      ? `, or drop it and start again with \`stowage restore ${request.timestamp} --create --drop-unfinished${contentFlags(request)}${identity}\``
      : '';
  return `holds an unfinished restore of set ${set} (restore id: ${restore}). ${mode === 'truncate' ? TABLES_ARE_EMPTY : `${WITH_MODE[request.mode]} cannot complete it`}. Finish it with \`${resumeCommand(restore, identity)}\`${start}`;
}

const TABLES_ARE_EMPTY = 'Some of its tables may be empty, which another restore would hide';
const WITH_MODE = {
  create: '--create',
  fill: 'A restore without --create or --truncate',
  truncate: '--truncate restores no indexes, keys, triggers and large objects, so it',
} as const;

function refused(
  { config }: ClusterContext,
  { segment: { content, host, port } }: Found,
  what: string,
): StowageError {
  const message = `database ${config.database} on content ${content} (${host}:${port}) ${what}`;
  return new StowageError('restore/refused', message, { where: { content } });
}
