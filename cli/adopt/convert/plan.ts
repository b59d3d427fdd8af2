import { encode, FORMAT_VERSION, PLAN_BYTES_MAX } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import { TOOL } from '../../../backup-set/base/tool.ts';
import { count } from '../../../backup-set/base/words.ts';
import { Plan, type Relation, rangesOf } from '../../../backup-set/documents/plan.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Config } from '../../config/schema.ts';
import { type AdoptedSource, relationKey, type SourceRelation, tableKey } from './source.ts';

/** The plan of an adopted set, and the ids of its relations. */
export interface DraftedPlan {
  readonly plan: Plan;
  readonly ids: ReadonlyMap<string, number>;
}

/** What the set must hold, from what the first reading has found. */
export function adoptionPlan(
  config: Pick<Config, 'cluster' | 'backup'>,
  source: AdoptedSource,
  startedAt: Date,
  root: string,
): DraftedPlan {
  const relations = new Map<string, Relation>();
  for (const content of source.contents)
    for (const { schema, name, columns } of content.relations) {
      const key = relationKey({ schema, name, columns });
      if (relations.has(key)) continue;
      const table = tableKey({ schema, name });
      const partitionRoot = source.partitionRoots.get(table);
      relations.set(key, {
        id: relations.size,
        schema,
        name,
        kind: partitionRoot === undefined ? 'table' : 'partition',
        columns: [...columns],
        ...(source.replicated?.has(table) && { replicated: true as const }),
        // Other versions hash otherwise: the coordinator of the target must distribute its rows.
        ...(source.redistributed?.has(table) !== false && { redistribute: true as const }),
        ...(partitionRoot && { partitionRoot: { ...partitionRoot } }),
      });
    }
  const ids = new Map([...relations].map(([key, { id }]) => [key, id]));
  const { timestamp, serverVersion, encoding, coordinator, metadata } = source;
  const facts = { serverVersion, encoding, refresh: [] };
  const { frameBytes, packBytes, zstdLevel, overdueAfterSeconds } = config.backup;
  const plan: Plan = {
    format: 'stowage/plan',
    version: FORMAT_VERSION,
    timestamp,
    startedAt: startedAt.toISOString(),
    cluster: config.cluster,
    flavour: 'greenplum',
    database: source.database,
    root,
    tool: TOOL,
    overdueAfterSeconds,
    source: source.source,
    snapshot: {
      mechanism: 'source',
      takenAt: dateOf(timestamp).toISOString(),
      writerWaitMs: 0,
      attempts: 1,
    },
    frameBytes,
    packBytes,
    compression: { algorithm: 'zstd', level: zstdLevel },
    selection: EVERYTHING,
    relations: [...relations.values()],
    notShipped: [],
    contents: [
      {
        content: COORDINATOR,
        ...coordinator,
        ...facts,
        metadata: metadata.map(({ file }) => file),
        relations: [],
      },
      // Every table is on every segment; with --partial, the fold names those that lack it.
      ...source.contents.map(({ content, host, port, relations: own }) => ({
        content,
        host,
        port,
        ...facts,
        metadata: [],
        relations: rangesOf(
          [...relations.values()]
            .filter((relation) => relation.replicated !== true || isIn(own, relation))
            .map(({ id }) => id),
        ),
      })),
    ],
  };
  return { plan, ids };
}

const isIn = (own: readonly SourceRelation[], relation: Relation) =>
  own.some((one) => tableKey(one) === tableKey(relation));

/**
 * Reserves the timestamp of the source.
 * @throws StowageError `adopt/exists` when a set has it; `storage/too-large`.
 */
export async function storeAdoptionPlan(
  store: ObjectStore,
  plan: Plan,
  signal: AbortSignal,
): Promise<void> {
  const bytes = encode(Plan, plan);
  if (bytes.length > PLAN_BYTES_MAX)
    throw new StowageError(
      'storage/too-large',
      `the plan of set ${plan.timestamp} is too large: ${count(bytes.length)} bytes, at most ${count(PLAN_BYTES_MAX)} are allowed`,
    );
  const key = formatKey({ kind: 'plan', timestamp: plan.timestamp });
  await store.create(key, bytes, { signal }).catch((error: unknown) => {
    throw isStowageError(error, 'storage/exists') ? existsAlready(store, plan.timestamp) : error;
  });
}

export function existsAlready(store: ObjectStore, timestamp: string): StowageError {
  return new StowageError(
    'adopt/exists',
    `set ${timestamp} exists already under ${store.url}: the source was adopted before, or a backup was taken in that second`,
    { where: { set: timestamp } },
  );
}
