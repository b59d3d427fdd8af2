import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { openSession, type Session } from '../../database/session/session.ts';
import { relationDigest } from './digest.ts';

/** One table, over all segments of both clusters. */
export interface Compared {
  readonly name: string;
  readonly rows: number;
  readonly restoredRows: number;
  readonly digest: string;
  readonly restoredDigest: string;
  /** The original was written to after the snapshot, so a difference is expected. */
  readonly isWrittenTo: boolean;
}

/** Tables that the writers change. */
const WRITTEN: ReadonlySet<string> = new Set(['world.account', 'world.transfer']);

/** Counts and digests every relation of the set on both sides, segment by segment. */
export async function compareRelations(
  manifest: Manifest,
  from: readonly ConnectionTarget[],
  to: readonly ConnectionTarget[],
): Promise<Compared[]> {
  const sessions = await openAll([...from, ...to]);
  try {
    const compared: Compared[] = [];
    for (const relation of manifest.relations) {
      const name = `${relation.schema}.${relation.name}`;
      const original = await sumOf(sessions.slice(0, from.length), relation);
      const restored = await sumOf(sessions.slice(from.length), relation);
      compared.push({
        name,
        rows: original.rows,
        restoredRows: restored.rows,
        digest: original.digest,
        restoredDigest: restored.digest,
        isWrittenTo: WRITTEN.has(name),
      });
    }
    return compared;
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

async function openAll(targets: readonly ConnectionTarget[]): Promise<Session[]> {
  return Promise.all(
    targets.map((target) =>
      openSession(target, { purpose: 'probe', applicationName: 'stowage compare' }),
    ),
  );
}

/** Digests are weighted by the segment: the same rows on another segment are a difference. */
async function sumOf(
  sessions: readonly Session[],
  relation: Parameters<typeof relationDigest>[1],
): Promise<{ rows: number; digest: string }> {
  let rows = 0;
  let sum = 0n;
  for (const [index, session] of sessions.entries()) {
    const found = await relationDigest(session, relation);
    rows += found.rows;
    sum += BigInt(found.digest) * BigInt(index + 1);
  }
  return { rows, digest: BigInt.asUintN(64, sum).toString(16).padStart(16, '0') };
}
