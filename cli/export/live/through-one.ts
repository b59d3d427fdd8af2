import { StowageError } from '../../../backup-set/base/errors.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import { openSession } from '../../../database/session/session.ts';
import { writtenName } from '../../read-set/table-name.ts';
import type { Piece, RowSource } from '../source.ts';
import { type LiveQuery, type LiveWanted, liveQuery } from './live-query.ts';
import { merged } from './merged.ts';

const BLOCK_BYTES = 1024 * 1024;

export interface LiveOptions {
  /** Of the rows that the server sends; absent = UTF8. */
  readonly encoding?: string;
  readonly signal: AbortSignal;
}

/** Runs `work` on the rows of a query or table, which one server sends over one connection. */
export async function throughOne<T>(
  target: ConnectionTarget,
  wanted: LiveWanted,
  { encoding = 'UTF8', signal }: LiveOptions,
  work: (source: RowSource) => Promise<T>,
): Promise<T> {
  const arena = blockArena({ connections: 1, blocks: 3, frameBytes: BLOCK_BYTES });
  const session = await openSession(target, {
    purpose: 'backup',
    applicationName: 'stowage export',
    receive: arena,
    signal,
  });
  try {
    const found = await liveQuery(session, wanted);
    const { query, columns } = found;
    const relation = { ...nameOf(found), columns: columns.map(({ name }) => name), query };
    let counted = 0;
    return await work({
      ...describe(target, wanted, found),
      columns,
      rows: () => counted,
      async *pieces(): AsyncGenerator<Piece> {
        const open = async function* (_: number, stopped: AbortSignal): AsyncGenerator<RowBlock> {
          const either = AbortSignal.any([signal, stopped]);
          const copy = copyOut(session, relation, { signal: either, encoding });
          yield* copy.blocks;
          counted += await copy.rowsCounted();
        };
        yield { columns: relation.columns, encoding, rows: merged([0], 1, open) };
      },
    });
  } finally {
    await session.close();
  }
}

/** What a summary and a receipt say of a live source. */
export function describe(
  { database }: ConnectionTarget,
  { where }: LiveWanted,
  { table, query }: LiveQuery,
): Pick<RowSource, 'what' | 'from'> {
  const what = table === undefined ? 'a query' : writtenName(table);
  const from = table === undefined ? { query } : { table: what, ...(where && { where }) };
  return { what: `${what} of database ${database}`, from: { database, ...from } };
}

const nameOf = ({ table }: LiveQuery) => table ?? { schema: 'the', name: 'query' };

/**
 * The server that is asked: the coordinator, or the shard with this content.
 * @throws StowageError `export/impossible` unless there is one.
 */
export function oneServer<Server extends { readonly content: number }>(
  servers: readonly Server[],
  content: number | undefined,
): Server {
  const coordinator = servers.find((each) => each.content === COORDINATOR);
  if (coordinator !== undefined) {
    if (content === undefined) return coordinator;
    throw impossible(
      'the coordinator reads and writes the rows of all segments: leave --content out',
    );
  }
  const found = servers.filter((each) => content === undefined || each.content === content);
  const [server, another] = found;
  if (server !== undefined && another === undefined) return server;
  const numbers = servers.map((each) => each.content).join(', ');
  throw impossible(
    server === undefined
      ? `the cluster has no content ${content}: it has ${numbers}`
      : `one shard is asked, and the cluster has the contents ${numbers}: choose one with --content`,
  );
}

const impossible = (message: string) =>
  new StowageError('export/impossible', message, { where: { field: 'content' } });
