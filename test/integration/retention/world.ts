import pino from 'pino';
import { DOCUMENT_BYTES_MAX, decode, encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey, parseKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { Needs, packsOf } from '../../../backup-set/documents/retention/needs.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import type { Deps } from '../../../functions/deps.ts';
import { planRestore } from '../../../functions/handlers/plan-restore.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { runExpiry } from '../../../functions/retention/expire.ts';
import { requireLiving, retentionOf } from '../../../functions/retention/marks.ts';
import { planExpiry } from '../../../functions/retention/plan.ts';
import { listTimestamps } from '../../../functions/sets/list.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { keysOf } from '../functions/place.ts';
import { documentsOf, type SmallBase, storeAll, storeObjects } from '../functions/sets.ts';

/** Keeps one set, and removes without grace. */
export const RULES = RetentionRules.parse({ keepLast: 1, graceHours: 0, keepFailed: '7d' });

export const depsOf = (store: ObjectStore): Deps => ({
  store,
  clock: () => new Date(),
  log: pino({ level: 'silent' }),
});

/** What a backup needs of a committed set to carry all rows from it. */
async function baseOf({ store }: Deps, timestamp: string): Promise<SmallBase> {
  const read = (key: string) => store.read(key, { bytesMax: DOCUMENT_BYTES_MAX });
  const manifest = await read(formatKey({ kind: 'manifest', timestamp }));
  const part = await read(formatKey({ kind: 'manifest-part', timestamp, content: 0 }));
  return { base: { timestamp, manifestSha256: sha256(manifest) }, parts: new Map([[0, part]]) };
}

/**
 * A complete, validated set; with a base it carries all rows from that. In the order of a backup:
 * the plan first, then it looks at its base.
 * @throws StowageError `set/expired` when the base has a tombstone.
 */
export async function backUp(deps: Deps, timestamp: string, base?: string): Promise<void> {
  const from = base === undefined ? {} : { base: await baseOf(deps, base) };
  const set = await storeObjects(deps.store, { timestamp, contents: [0], ...from });
  const [plan, ...rest] = documentsOf(set);
  await storeAll(deps.store, plan ? [plan] : []);
  if (base !== undefined) await requireLiving(deps, base);
  await storeAll(deps.store, rest);
  await stitch(deps, timestamp);
  await requireComplete(deps, timestamp);
}

export async function requireComplete(deps: Deps, timestamp: string): Promise<void> {
  const { verdict } = await validate(deps, timestamp);
  if (verdict.status !== 'complete')
    throw new Error(`set ${timestamp} is ${verdict.status}: ${JSON.stringify(verdict.problems)}`);
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

/** Requests a restore. @returns false when it is refused. */
export async function requestRestore(deps: Deps, id: string, timestamp: string): Promise<boolean> {
  const request: RestoreRequest = {
    format: 'stowage/restore-request',
    version: 1,
    id,
    requestedAt: new Date().toISOString(),
    timestamp,
    target: {
      flavour: 'shards',
      database: 'target',
      contents: [{ content: 0, host: 'h', port: 5432 }],
    },
    selection: { includeSchemas: [], excludeSchemas: [], includeTables: [], excludeTables: [] },
    mode: 'fill',
    ...{
      verify: false,
      globals: false,
      noOwner: false,
      resize: false,
      agents: false,
      count: false,
    },
    objects: false,
  };
  const key = formatKey({ kind: 'restore-request', restore: id });
  await deps.store.create(key, encode(RestoreRequest, request));
  await planRestore(deps, id);
  return (await deps.store.head(formatKey({ kind: 'outcome', restore: id }))) === undefined;
}

/** The objects that no living set needs, and that are no marks of a husk. */
export async function unneeded(deps: Deps): Promise<string[]> {
  const needed = new Set<string>();
  const living = new Set<string>();
  for (const timestamp of await listTimestamps(deps.store)) {
    if ((await stateOf(deps, timestamp)) !== 'living') continue;
    living.add(timestamp);
    const key = formatKey({ kind: 'needs', timestamp });
    if ((await deps.store.head(key)) === undefined) continue;
    const bytes = await deps.store.read(key, { bytesMax: DOCUMENT_BYTES_MAX });
    for (const pack of packsOf(decode(Needs, { key, bytes }))) needed.add(pack);
  }
  const husks = new Set([...needed].map((key) => key.split('/')[2]));
  return (await keysOf(deps.store, 'sets/')).filter((text) => {
    const key = parseKey(text);
    const timestamp = text.split('/')[2] ?? '';
    if (living.has(timestamp) || needed.has(text)) return false;
    return !(key?.kind === 'retention' && husks.has(timestamp));
  });
}
