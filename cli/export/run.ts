import { StowageError } from '../../backup-set/base/errors.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { findTable } from '../read-set/find-table.ts';
import { readingSet } from '../read-set/open-set.ts';
import type { TableName } from '../read-set/table-name.ts';
import type { SetName } from '../set-name.ts';
import { fromSet } from './from-set.ts';
import { overAll } from './live/over-all.ts';
import { oneServer, throughOne } from './live/through-one.ts';
import type { ExportOptions } from './options.ts';
import { requirePlace, requirePlainExport, writeExport } from './write.ts';

/** Exports a table of a set, or of the live database. @returns the exit code. */
export async function runExport(context: ClusterContext, options: ExportOptions): Promise<number> {
  await requirePlace(context, options);
  const { at, table } = options;
  if (at !== undefined && table !== undefined) return exportSet(context, at, table, options);
  return exportLive(context, options);
}

/** The rows of a table in a set. */
export function exportSet(
  context: ClusterContext,
  at: SetName,
  wanted: TableName,
  options: ExportOptions,
): Promise<number> {
  const { signal } = context;
  return readingSet(context, at, `export of ${wanted.name}`, async (set) => {
    const { columns, content } = options;
    requirePlainExport(options.place, set.manifest.encryption !== undefined);
    const source = await fromSet(set, findTable(set.manifest, wanted), {
      ...(columns && { columns }),
      ...(content !== undefined && { content }),
      isAsStored: options.text !== undefined && options.encoding === undefined,
      signal,
    });
    return writeExport(context, source, options, set.store);
  });
}

async function exportLive(context: ClusterContext, options: ExportOptions): Promise<number> {
  const { config, env, signal } = context;
  const { table, query, columns, where, content, encoding, parallel } = options;
  const wanted = {
    ...(table && { table }),
    ...(query !== undefined && { query }),
    ...(columns && { columns }),
    ...(where !== undefined && { where }),
  };
  const live = { ...(encoding !== undefined && { encoding }), signal };
  const topology = await flavourOf(context).topology();
  const hasCoordinator = topology.some((segment) => segment.content === COORDINATOR);
  if (parallel && hasCoordinator && where !== undefined)
    throw new StowageError(
      'export/impossible',
      'with --parallel each segment would evaluate --where alone, without the rows of the others: leave --parallel out',
      { where: { field: 'where' } },
    );
  const shards = topology.length > 1 && !hasCoordinator;
  const work = (source: Parameters<typeof writeExport>[1]) => writeExport(context, source, options);
  if (table !== undefined && content === undefined && (parallel || shards)) {
    const asked = hasCoordinator ? COORDINATOR : (topology[0]?.content ?? 0);
    const connections = Math.max(config.shippers.workers, topology.length);
    return overAll(context, asked, wanted, { ...live, connections }, work);
  }
  const server = oneServer(topology, content);
  return throughOne(targetOf(config, server, env), wanted, live, work);
}
