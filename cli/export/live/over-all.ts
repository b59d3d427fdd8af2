import { StowageError } from '../../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import type { HeldSnapshot, NodeSnapshot } from '../../../database/flavour.ts';
import { quoteIdentifier, quoteQualified } from '../../../database/session/quote.ts';
import { openSession } from '../../../database/session/session.ts';
import { attachSnapshot } from '../../../database/session/snapshot.ts';
import { noteBlocked } from '../../backup/blocked.ts';
import { targetOf } from '../../config/config.ts';
import type { ClusterContext } from '../../context.ts';
import { flavourOf } from '../../flavour.ts';
import type { Piece, RowSource } from '../source.ts';
import {
  type LiveQuery,
  type LiveWanted,
  liveQuery,
  selectFrom,
  useOwnPath,
} from './live-query.ts';
import { merged } from './merged.ts';
import { describe, type LiveOptions } from './through-one.ts';

const BLOCK_BYTES = 1024 * 1024;

/** A relation of a segment that is read over a connection of its own. */
interface Part {
  readonly node: NodeSnapshot;
  readonly relation: QualifiedName;
}

/**
 * Runs `work` on the rows of a table, which all segments send at once, as of one instant: the
 * barrier of a backup, for this table alone. The order of the rows is not that of any server.
 * @throws StowageError as a backup; `export/impossible` for what has no rows on segments.
 */
export async function overAll<T>(
  context: ClusterContext,
  asks: number,
  wanted: LiveWanted,
  options: LiveOptions & { readonly connections: number },
  work: (source: RowSource) => Promise<T>,
): Promise<T> {
  const { config, env, signal } = context;
  const found = await askOne(context, asks, wanted, signal);
  const { table } = found;
  if (table === undefined) throw impossible('a query runs on one server: leave --parallel out');
  const pattern = [table.schema, table.name].map(quoteIdentifier).join('.');
  const held = await flavourOf(context).takeSnapshot({
    selection: { ...EVERYTHING, includeTables: [pattern] },
    lockTimeoutMs: config.backup.lockTimeoutMs,
    attemptsMax: config.backup.lockAttempts,
    label: 'stowage export',
    signal,
    onBlocked: noteBlocked(context),
  });
  try {
    const parts = partsOf(held, table);
    const { encoding = 'UTF8' } = options;
    const inFlight = Math.min(options.connections, parts.length);
    const target = (node: NodeSnapshot) => targetOf(config, node.segment, env);
    const columns = found.columns.map(({ name }) => name);
    let counted = 0;
    const open = async function* (
      { node, relation }: Part,
      stopped: AbortSignal,
    ): AsyncGenerator<RowBlock> {
      const either = AbortSignal.any([signal, stopped]);
      const receive = blockArena({ connections: 1, blocks: 3, frameBytes: BLOCK_BYTES });
      const applicationName = `stowage export content ${node.segment.content}`;
      const terms = { purpose: 'backup' as const, applicationName, receive, signal: either };
      const session = await attachSnapshot(target(node), node.snapshotId, terms);
      try {
        await useOwnPath(session, wanted);
        const query = selectFrom(`ONLY ${quoteQualified(relation)}`, found.columns, wanted.where);
        const copy = copyOut(
          session,
          { ...relation, columns, query },
          { signal: either, encoding },
        );
        yield* copy.blocks;
        counted += await copy.rowsCounted();
      } finally {
        await session.close();
      }
    };
    return await work({
      ...describe({ ...targetOf(config, placeOf(held), env) }, wanted, found),
      columns: found.columns,
      rows: () => counted,
      async *pieces(): AsyncGenerator<Piece> {
        yield { columns, encoding, rows: merged(parts, inFlight, open) };
      },
    });
  } finally {
    await held.release();
  }
}

async function askOne(
  context: ClusterContext,
  content: number,
  wanted: LiveWanted,
  signal: AbortSignal,
): Promise<LiveQuery> {
  const topology = await flavourOf(context).topology();
  const segment = topology.find((each) => each.content === content);
  if (segment === undefined) throw impossible(`the cluster has no content ${content}`);
  const target = targetOf(context.config, segment, context.env);
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage export',
    signal,
  });
  try {
    return await liveQuery(session, wanted);
  } finally {
    await session.close();
  }
}

/**
 * The table, or its leaves, on every segment that has rows of it. Of a replicated one, the snapshot
 * gives one segment.
 */
function partsOf(held: HeldSnapshot, table: QualifiedName): readonly Part[] {
  const isWanted = (name: QualifiedName | undefined) =>
    name?.schema === table.schema && name.name === table.name;
  const parts = held.nodes.flatMap((node): Part[] =>
    node.relations
      .filter((each) => isWanted(each) || isWanted(each.partitionRoot))
      .map((relation) => ({ node, relation })),
  );
  if (parts.length > 0) return parts;
  const lacking = held.nodes.flatMap(({ notShipped }) => notShipped).find(isWanted);
  throw impossible(
    `no segment has rows of ${table.schema}.${table.name}${lacking === undefined ? '' : ` (${lacking.kind}, ${lacking.reason})`}: export it through one server, without --parallel`,
  );
}

function placeOf({ nodes }: HeldSnapshot) {
  const [node] = nodes;
  if (node === undefined) throw impossible('the cluster has no segments');
  return node.segment;
}

function impossible(message: string): StowageError {
  return new StowageError('export/impossible', message, { where: { field: 'parallel' } });
}
