import { sha256 } from '../../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { runExpiry } from '../../../functions/retention/expire.ts';
import { retentionOf } from '../../../functions/retention/marks.ts';
import { planExpiry } from '../../../functions/retention/plan.ts';
import { bytesOf, keysOf } from '../functions/place.ts';
import { documentsOf, type SmallBase, storeAll, storeObjects } from '../functions/sets.ts';

/** Keeps one set, and removes without grace. */
export const RULES = RetentionRules.parse({ keepLast: 1, graceHours: 0, keepFailed: '7d' });

/** What a backup needs of a committed set to carry all rows from it. */
export async function baseOf({ store }: Deps, timestamp: string): Promise<SmallBase> {
  const manifest = await bytesOf(store, formatKey({ kind: 'manifest', timestamp }));
  const parts = new Map<number, Uint8Array>();
  for (const content of [0, 1, 2])
    parts.set(
      content,
      await bytesOf(store, formatKey({ kind: 'manifest-part', timestamp, content })),
    );
  return { base: { timestamp, manifestSha256: sha256(manifest) }, parts };
}

/** A complete, validated set; with a base it carries all rows from that. */
export async function backUp(deps: Deps, timestamp: string, base?: string): Promise<void> {
  const from = base === undefined ? {} : { base: await baseOf(deps, base) };
  const set = await storeObjects(deps.store, { timestamp, ...from });
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, timestamp);
  const { verdict } = await validate(deps, timestamp);
  if (verdict.status !== 'complete') throw new Error(JSON.stringify(verdict.problems));
}

export async function expire(deps: Deps, rules: RetentionRules = RULES) {
  return runExpiry(deps, rules, await planExpiry(deps, rules));
}

export const stateOf = async (deps: Deps, timestamp: string) =>
  (await retentionOf(deps, timestamp)).state;

/** The keys of a set without its folder. */
export async function leftOf({ store }: Deps, timestamp: string): Promise<string[]> {
  const prefix = setPrefix(timestamp);
  return (await keysOf(store, prefix)).map((key) => key.slice(prefix.length));
}
