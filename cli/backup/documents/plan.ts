import { encode, FORMAT_VERSION, PLAN_BYTES_MAX } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, type MetadataFile } from '../../../backup-set/base/keys.ts';
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import { TOOL } from '../../../backup-set/base/tool.ts';
import { count, plural } from '../../../backup-set/base/words.ts';
import type { ShippedRelation } from '../../../backup-set/documents/agents.ts';
import {
  type DefinedObject,
  Plan,
  type Relation,
  rangesOf,
} from '../../../backup-set/documents/plan.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import type { DiscoveredRelation } from '../../../database/discovered.ts';
import type { DumpGaps, HeldSnapshot, NodeSnapshot, Server } from '../../../database/flavour.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { selectionOf } from '../../config/config.ts';
import type { Config } from '../../config/schema.ts';
import { mechanismOf } from '../../config/through.ts';
import { type DecidedContents, withPins } from '../witness/documents.ts';
import { type GroupRun, groupOf } from './group.ts';

/** Seconds after the start that are tried for a free timestamp. */
const TIMESTAMPS_TRIED_MAX = 30;

/** The plan without its timestamp, and the sizes that scheduling needs. */
export interface Draft {
  /** Everything but the timestamp, which is known once plan.json is stored. */
  readonly body: Omit<Plan, 'timestamp'>;
  /** Per content: the relations that are read, biggest first. */
  readonly work: ReadonlyMap<
    number,
    readonly {
      readonly relation: Relation;
      readonly bytesEstimated: number;
      /** Absent = it is read as a whole. */
      readonly ranges?: ShippedRelation['ranges'];
    }[]
  >;
  /** Absent = the set belongs to no group. */
  readonly group?: GroupRun;
  /** What witnesses say about the contents that have some. */
  readonly decided?: DecidedContents;
}

/** What the set must hold, from the catalogs of all segments under the snapshot. */
export function draftPlan(
  config: Config,
  held: HeldSnapshot,
  startedAt: Date,
  root: string,
  servers: readonly Server[] = [],
): Draft {
  const identifiers = new Map(
    servers.map(({ segment, identity }) => [segment.content, identity?.systemIdentifier]),
  );
  const ids = new RelationIds();
  const work = new Map(
    held.nodes.map((node) => [
      node.segment.content,
      node.relations
        .map((found) => ({ relation: ids.of(found), bytesEstimated: found.bytesEstimated }))
        .sort((a, b) => b.bytesEstimated - a.bytesEstimated || a.relation.id - b.relation.id),
    ]),
  );
  const { frameBytes, packBytes, zstdLevel, overdueAfterSeconds, tags } = config.backup;
  const contents = held.nodes.map((node) => ({
    content: node.segment.content,
    host: node.segment.host,
    port: node.segment.port,
    serverVersion: node.serverVersion,
    encoding: node.encoding,
    locale: node.locale,
    ...identifierOf(identifiers.get(node.segment.content)),
    metadata: metadataOf(node),
    relations: rangesOf((work.get(node.segment.content) ?? []).map(({ relation }) => relation.id)),
    refresh: [...node.refresh],
  }));
  return {
    work,
    body: {
      format: 'stowage/plan',
      version: FORMAT_VERSION,
      startedAt: startedAt.toISOString(),
      cluster: config.cluster,
      flavour: config.flavour,
      database: config.database,
      root,
      tool: TOOL,
      overdueAfterSeconds,
      snapshot: {
        mechanism: mechanismOf(config),
        takenAt: held.takenAt.toISOString(),
        writerWaitMs: Math.round(held.writerWaitMs),
        attempts: held.attempts,
      },
      frameBytes,
      packBytes,
      compression: { algorithm: 'zstd', level: zstdLevel },
      ...(tags.length > 0 && { tags: [...new Set(tags)].sort() }),
      selection: selectionOf(config),
      relations: ids.all(),
      notShipped: notShipped(held.nodes),
      ...gapsOf(held.nodes),
      contents,
    },
  };
}

/**
 * What a plan covers: segments without the coordinator, and each table once. A table whose columns
 * differ between shards has an entry for each.
 */
export function sizeOf({ contents, relations }: Pick<Plan, 'contents' | 'relations'>) {
  return {
    segments: contents.filter(({ content }) => content !== COORDINATOR).length,
    tables: new Set(relations.map(({ schema, name }) => JSON.stringify([schema, name]))).size,
  };
}

/**
 * Reserves a timestamp by creating its plan.json. Of two backups in one second, the second takes
 * the next second.
 * @throws StowageError `storage/too-large`: readers refuse a plan of that size.
 */
export async function storePlan(
  store: ObjectStore,
  draft: Draft,
  now: Date,
  signal: AbortSignal,
  bytesMax = PLAN_BYTES_MAX,
): Promise<Plan> {
  for (let step = 0; step < TIMESTAMPS_TRIED_MAX; step++) {
    const timestamp = timestampOf(new Date(now.getTime() + step * 1000));
    const body = { ...draft.body, ...groupOf(draft.group, timestamp), timestamp };
    const plan = await withPins(body, draft.decided);
    const bytes = encode(Plan, plan);
    if (bytes.length > bytesMax) throw tooLarge(plan, bytes.length, bytesMax);
    try {
      await store.create(formatKey({ kind: 'plan', timestamp }), bytes, { signal });
      return plan;
    } catch (error) {
      if (!isStowageError(error, 'storage/exists')) throw error;
    }
  }
  throw new StowageError(
    'storage/exists',
    `sets exist for each of the ${TIMESTAMPS_TRIED_MAX} seconds after ${timestampOf(now)}: no timestamp is free. Try again later`,
  );
}

function tooLarge({ relations }: Plan, bytes: number, bytesMax: number): StowageError {
  const message = `the plan of ${plural(relations.length, 'relation')} is too large: ${count(bytes)} bytes, at most ${count(bytesMax)} are allowed. Back up in several sets, selected by --include-schema`;
  return new StowageError('storage/too-large', message);
}

/** Gives equal relations of different segments one id, in order of first appearance. */
class RelationIds {
  readonly #relations = new Map<string, Relation>();

  of({
    schema,
    name,
    kind,
    columns,
    types,
    generated,
    condition,
    replicated,
    redistribute,
    fromCoordinator,
    partitionRoot,
  }: DiscoveredRelation): Relation {
    const shape = {
      schema,
      name,
      kind,
      columns: [...columns],
      ...(types !== undefined && { types: [...types] }),
      ...(generated !== undefined && { generated: [...generated] }),
      ...(condition !== undefined && { condition }),
      ...(replicated && { replicated }),
      ...(redistribute && { redistribute }),
      ...(fromCoordinator && { fromCoordinator }),
      ...(partitionRoot && { partitionRoot }),
    };
    const key = JSON.stringify(shape);
    const known = this.#relations.get(key) ?? { id: this.#relations.size, ...shape };
    this.#relations.set(key, known);
    return known;
  }

  all(): Relation[] {
    return [...this.#relations.values()];
  }
}

const identifierOf = (systemIdentifier: string | undefined) =>
  systemIdentifier === undefined ? {} : { systemIdentifier };

function metadataOf({ definitions, largeObjects, withoutGlobals }: NodeSnapshot): MetadataFile[] {
  if (!definitions) return [];
  return [
    ...(withoutGlobals === true ? [] : (['globals.sql.zst'] as const)),
    'schema.dump',
    'sequences.sql.zst',
    ...(largeObjects > 0 ? (['large-objects.dump'] as const) : []),
  ];
}

/** Each object once, although every shard has it. Absent where there is none. */
function gapsOf(nodes: readonly NodeSnapshot[]): Pick<Plan, 'leftOut' | 'secrets'> {
  const unique = (list: (gaps: DumpGaps) => readonly DefinedObject[]) => [
    ...new Map(
      nodes
        .flatMap(({ gaps }) => (gaps === undefined ? [] : list(gaps)))
        .map((object) => [JSON.stringify(object), { ...object }]),
    ).values(),
  ];
  const [leftOut, secrets] = [unique((gaps) => gaps.leftOut), unique((gaps) => gaps.secrets)];
  return {
    ...(leftOut.length > 0 && { leftOut }),
    ...(secrets.length > 0 && { secrets }),
  };
}

function notShipped(nodes: readonly NodeSnapshot[]): Plan['notShipped'] {
  const unique = new Map(
    nodes
      .flatMap((node) => node.notShipped)
      .map((skipped) => [JSON.stringify(skipped), { ...skipped }]),
  );
  return [...unique.values()].sort((a, b) =>
    `${a.schema}.${a.name}` < `${b.schema}.${b.name}` ? -1 : 1,
  );
}
