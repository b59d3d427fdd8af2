import type { Name } from '../../../backup-set/base/document.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { BlockRanges } from '../../../backup-set/witness/block-ranges.ts';
import {
  type ContentWitness,
  type RelationWitness,
  witnessDifference,
} from '../../../backup-set/witness/kinds.ts';
import { rangesIn } from '../../../backup-set/witness/ranges.ts';
import type { Reason } from '../../../backup-set/witness/reasons.ts';
import { copySource } from '../../../database/copy/copy-out.ts';
import type { Session } from '../../../database/session/session.ts';
import { attachSnapshot } from '../../../database/session/snapshot.ts';
import { shardsFlavour } from '../../../database/shards/flavour.ts';
import { readWitnessTables } from '../../../database/witness/tables.ts';
import { walSummary } from '../../../database/witness/wal-summary/provider.ts';
import type { TestServer } from '../../support/servers/postgres.ts';

/** What a backup would see of a database, and the rows that it would read. */
export interface Observed {
  readonly content: ContentWitness;
  readonly tables: ReadonlyMap<string, RelationWitness | Reason>;
  /** The rows as text, under the same snapshot: the truth that witnesses are compared with. */
  readonly rows: ReadonlyMap<string, string>;
  /** The sums of the hashes of the rows in each range of blocks of table `t`. */
  readonly ranges: ReadonlyMap<string, readonly bigint[]>;
}

interface Terms {
  readonly base?: Observed | undefined;
  readonly attemptsMax?: number;
  readonly rangeBlocks?: number;
}

/** Does what a backup does with witnesses of WAL summaries, on one server. */
export async function observe(
  server: TestServer,
  database: string,
  { base, attemptsMax = 40, rangeBlocks }: Terms = {},
): Promise<Observed> {
  const target = server.target(database);
  const segment = { content: 0, host: server.host, port: server.port };
  const { signal } = new AbortController();
  const probe = await walSummary.prepare({
    ...{ target, waitMs: 20_000, signal },
    ...(rangeBlocks !== undefined && { rangeBlocks }),
  });
  if ('unavailable' in probe) throw new Error(probe.unavailable);
  const held = await shardsFlavour({ segments: [segment], connect: () => target }).takeSnapshot({
    selection: EVERYTHING,
    lockTimeoutMs: 200,
    attemptsMax,
    underBarrier: async (_, session) => probe.underBarrier?.(session),
  });
  try {
    const session = await attachSnapshot(target, held.nodes[0]?.snapshotId, {
      purpose: 'probe',
      applicationName: 'stowage witness test',
    });
    const { server: identity, tables } = await readWitnessTables(session);
    const rows = new Map<string, string>();
    for (const { schema, name } of tables) {
      const [row] = await session.query<{ digest: string }>(
        `SELECT count(*) || ' ' || coalesce(sum(pg_catalog.hashtextextended(t::text, 0)), 0) AS digest
         FROM ONLY "${schema}"."${name}" t`,
      );
      rows.set(name, row?.digest ?? '');
    }
    const source = base?.content.sources[0];
    const collected = await probe.collect({
      session,
      signal,
      tables,
      base: source,
      server: identity,
    });
    const ranges = new Map<string, bigint[]>();
    const seen = 'unavailable' in collected ? undefined : collected.tables;
    for (const { oid, schema, name } of tables) {
      const witness = seen?.get(oid);
      const found = typeof witness === 'object' ? rangesIn(witness) : undefined;
      if (found !== undefined) ranges.set(name, await sumRanges(session, { schema, name }, found));
    }
    await session.close();
    if ('unavailable' in collected) throw new Error(collected.unavailable);
    const named = tables.map(({ oid, name }: Name & { readonly oid: number }) => {
      return [name, collected.tables.get(oid) ?? 'no-witness'] as const;
    });
    return {
      content: { ...identity, sources: [collected.source] },
      tables: new Map(named),
      rows,
      ranges,
    };
  } finally {
    await held.release();
  }
}

/** Sums of the hashes of the rows that a backup reads of each range, with its own statement. */
async function sumRanges(session: Session, table: Name, { blocks, count }: BlockRanges) {
  const sums: bigint[] = [];
  for (let range = 0; range < count; range++) {
    const end = range === count - 1 ? undefined : (range + 1) * blocks;
    const source = copySource({
      ...table,
      ...{ columns: ['id', 'word'], blocks: [range * blocks, end] },
    });
    const [row] = await session.query<{ sum: string }>(
      `SELECT coalesce(sum(pg_catalog.hashtextextended(t::text, 0)), 0)::text AS sum FROM ${source} t`,
    );
    sums.push(BigInt(row?.sum ?? 0));
  }
  return sums;
}

/** Per table that must be read, why; and the tables that a witness carries with other rows. */
export function compare(base: Observed, now: Observed) {
  const read: Record<string, Reason> = {};
  const wrong: string[] = [];
  for (const [name, witness] of now.tables) {
    const before = base.tables.get(name) ?? 'not-in-base';
    const reason =
      typeof witness === 'string'
        ? witness
        : typeof before === 'string'
          ? before
          : witnessDifference(
              { content: base.content, witness: before },
              { content: now.content, witness },
            );
    if (reason !== undefined) read[name] = reason;
    else if (base.rows.get(name) !== now.rows.get(name)) wrong.push(name);
  }
  return { read, wrong };
}
