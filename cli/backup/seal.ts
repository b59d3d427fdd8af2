import { encode, FORMAT_VERSION, sha256 } from '../../backup-set/documents.ts';
import { formatKey } from '../../backup-set/keys.ts';
import { Plan } from '../../backup-set/plan.ts';
import { Seal } from '../../backup-set/seal.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Shipped } from './ship.ts';
import { sealed, type Tally } from './tally.ts';

/** Storing the seal is the last thing even of an interrupted run; it gets its own, short, time. */
const SEAL_MS_MAX = 30_000;

/** Writes what the database counted, or why it could not: after this nobody has to wait for the set. */
export async function storeSeal(
  store: ObjectStore,
  plan: Plan,
  tally: Tally,
  { failures }: Shipped,
  now: Date,
): Promise<Seal> {
  const seal: Seal = {
    format: 'stowage/seal',
    version: FORMAT_VERSION,
    timestamp: plan.timestamp,
    sealedAt: now.toISOString(),
    planSha256: sha256(encode(Plan, plan)),
    outcome: failures.length === 0 ? 'counted' : 'failed',
    contents: [...tally.contents.values()].map(sealed).sort((a, b) => a.content - b.content),
    ...(plan.snapshot.mechanism === 'dispatch' && {
      dispatched: tally.dispatched.toSorted((a, b) => a.relation - b.relation),
    }),
    failures: failures.map(({ content, error }) => ({
      ...(content === undefined ? {} : { content }),
      code: error.code,
      message: error.message,
    })),
  };
  const signal = AbortSignal.timeout(SEAL_MS_MAX);
  await store.create(formatKey({ kind: 'seal', timestamp: plan.timestamp }), encode(Seal, seal), { signal });
  return seal;
}
