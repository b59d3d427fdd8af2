import { interruptedError } from '../../async/abort.ts';
import { count } from '../../backup-set/base/words.ts';
import type { SnapshotOptions } from '../flavour.ts';
import { placeOf } from '../session/place.ts';
import { openSession, type Session } from '../session/session.ts';

/** Bytes by oid; a relation that is missing has been dropped. */
export type Sizes = ReadonlyMap<number, number>;

type AskForSizes = (session: Session, oids: readonly number[]) => Promise<Sizes>;

export interface SizesOptions extends Pick<SnapshotOptions, 'signal' | 'onStep' | 'label'> {
  /** Relations per session; tests have few. */
  readonly relationsPerSession?: number;
}

/**
 * The server opens each relation and its TOAST table to look at their files. PostgreSQL before 10
 * (so Greenplum 6) searches the list of those opened in the transaction for each: 125,000 relations
 * took more than 6 minutes. Every version keeps about 14 kB for each until the session ends.
 */
const RELATIONS_PER_SESSION = 2_500;
/** A session that waits to lock the whole table would be granted only after the backup. */
const LOCK_MS_MAX = 1_000;

/**
 * The bytes of all these relations: few by the holder, many by short sessions, one after the other.
 * The holder has locked them all, so it answers for a session that fails, or waits for a lock.
 * @throws StowageError as `Session.query`, `interrupted`.
 */
export async function readSizesOf(
  holder: Session,
  oids: readonly number[],
  options: SizesOptions,
  ask: AskForSizes = readSizes,
): Promise<Sizes> {
  const { signal, onStep, relationsPerSession = RELATIONS_PER_SESSION } = options;
  if (oids.length <= relationsPerSession) return ask(holder, oids);
  const sizes = new Map<number, number>();
  for (let at = 0; at < oids.length; at += relationsPerSession) {
    onStep?.(
      `reading the sizes of tables on ${placeOf(holder.target)}: ${count(at)} of ${count(oids.length)}`,
    );
    const some = oids.slice(at, at + relationsPerSession);
    const read = await askBriefly(holder, some, ask, options).catch(() => {
      if (signal?.aborted === true) throw interruptedError(signal);
      // A full server or a queue for a lock; any other error happens again here.
      return ask(holder, some);
    });
    for (const [oid, bytes] of read) sizes.set(oid, bytes);
  }
  return sizes;
}

async function askBriefly(
  { target }: Session,
  oids: readonly number[],
  ask: AskForSizes,
  { signal, label = 'stowage backup' }: SizesOptions,
): Promise<Sizes> {
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: `${label} content ${target.content ?? 0} sizes`,
    lockTimeoutMs: LOCK_MS_MAX,
    signal,
  });
  try {
    return await ask(session, oids);
  } finally {
    await session.close();
  }
}

/** The bytes of these relations, as one statement of this session. It locks each briefly. */
async function readSizes(session: Session, oids: readonly number[]): Promise<Sizes> {
  const rows = await session.query<{ oid: number; bytes: number }>(
    `SELECT oid::int8::float8 AS oid, coalesce(pg_table_size(oid), 0)::float8 AS bytes
     FROM unnest($1::int8[]::oid[]) AS oid`,
    [oids],
  );
  return new Map(rows.map(({ oid, bytes }) => [oid, bytes]));
}
