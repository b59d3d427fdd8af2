import type { FileHandle } from 'node:fs/promises';
import { StowageError } from '../../backup-set/base/errors.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import type { ObjectRef } from '../../backup-set/documents/receipt.ts';
import { fileOf } from '../../backup-set/restore/order-bodies.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { withUnnamedFile } from '../../database/tools/unnamed-file.ts';
import { readPart } from '../../functions/stored/read-part.ts';
import { withArchive } from '../../segment-shipper/restore/schema/archive.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { requirePath, toFile } from '../export/to/file.ts';
import { toStandardOutput } from '../export/to/standard-output.ts';
import { bytes, duration, printable } from '../output/format.ts';
import { type OpenSet, readingSet } from '../read-set/open-set.ts';
import { type Definitions, readDefinitions } from './definitions.ts';
import { largeObjectsSql } from './large-objects.ts';
import type { DumpOptions } from './options.ts';
import { type DumpPlan, dumpPlan } from './plan.ts';
import { type Dumped, dumpScript } from './script.ts';

const INTERRUPTED = 130;

/** Writes a set, or chosen tables of it, as one SQL script. @returns the exit code. */
export async function runDump(context: ClusterContext, options: DumpOptions): Promise<number> {
  if (options.out !== undefined) await requirePath(options.out, options.overwrite);
  return readingSet(context, options.at, 'dump', async (set) => {
    const plan = dumpPlan(set.manifest, options);
    const catalog = await catalogPart(set, plan);
    const place = anyPlace(context);
    const schema = fileOf(catalog, 'schema.dump');
    if (schema === undefined)
      throw new StowageError(
        'export/impossible',
        `set ${set.manifest.timestamp} has no definitions: a dump needs schema.dump`,
        { where: { set: set.manifest.timestamp } },
      );
    const deps = { store: set.store, signal: context.signal, keys: set.keys };
    let exit = 0;
    await withArchive(schema, deps, async (file) => {
      const definitions = await readDefinitions(
        ...([place, file, schema, plan.only, options, context.signal] as const),
      );
      report(context, options, definitions, set.manifest);
      await withLargeObjects(set, catalog, plan, options, place, context.signal, async (large) => {
        const work = { set, plan, options, catalog, definitions, largeObjects: large };
        exit = await write(context, { ...work, signal: context.signal });
      });
    });
    return exit;
  });
}

async function catalogPart({ deps, manifest }: OpenSet, plan: DumpPlan): Promise<ManifestPart> {
  const part = await readPart(deps, manifest, plan.catalogOf);
  if (part.ok) return part.value;
  throw new StowageError('set/damaged', describeProblem(part.failure), {
    where: { set: manifest.timestamp, content: plan.catalogOf },
  });
}

/** pg_restore only prints: no server is asked. */
function anyPlace({ config, env }: ClusterContext): ConnectionTarget {
  const [first] = config.segments;
  const { host, port } = config.coordinator ?? first ?? { host: 'localhost', port: 5432 };
  return targetOf(config, { content: -1, host, port }, env);
}

/** Says what the script lacks, before its first byte. @throws StowageError `dump/incomplete`. */
function report(
  { output }: ClusterContext,
  { allowMissing }: DumpOptions,
  { leftOut, withoutRows, preData, postData }: Definitions,
  { leftOut: unread = [] }: Pick<Manifest, 'leftOut'>,
): void {
  const note = (event: string, title: string, list: readonly string[]) => {
    if (list.length > 0) output.note(event, { objects: list }, printableLines([title, ...list]));
  };
  note(
    'without-rows',
    'these tables are made without rows, because others need them:',
    withoutRows,
  );
  note(
    'not-in-set',
    'the set does not have these objects, because the role of its backup could not read them:',
    unread.filter(({ kind }) => kind !== 'globals').map(({ kind, name }) => `${kind} ${name}`),
  );
  note('changed', 'changed for PostgreSQL:', [...preData.changes, ...postData.changes]);
  note('left-out', 'these objects are not in the script:', leftOut);
  const [first, ...more] = leftOut;
  if (first === undefined || allowMissing) return;
  const others = more.length === 0 ? '' : ` (and ${plural(more.length, 'more object')}, above)`;
  throw new StowageError('dump/incomplete', `the script would lack ${printable(first)}${others}`);
}

const printableLines = ([title = '', ...lines]: readonly string[]) =>
  [title, ...lines.map((line) => `  ${printable(line)}`)].join('\n');

async function withLargeObjects(
  set: OpenSet,
  catalog: ManifestPart,
  plan: DumpPlan,
  options: DumpOptions,
  place: ConnectionTarget,
  signal: AbortSignal,
  work: (file: string | undefined) => Promise<void>,
): Promise<void> {
  const stored: ObjectRef | undefined = fileOf(catalog, 'large-objects.dump');
  const isWanted = plan.only === undefined || options.largeObjects;
  if (stored === undefined || !isWanted || !options.sections.includes('data'))
    return work(undefined);
  await withUnnamedFile(async ({ path }: { handle: FileHandle; path: string }) => {
    await largeObjectsSql(set, stored, place, options, path, signal);
    await work(path);
  });
}

async function write(
  context: ClusterContext,
  work: Parameters<typeof dumpScript>[0],
): Promise<number> {
  const { signal, output, clock } = context;
  const { options, set } = work;
  const startedAt = clock().getTime();
  const dumped: Dumped = { rows: 0, bytes: 0, tables: 0, isInCopy: false };
  const script = dumpScript(work, dumped);
  if (options.out !== undefined)
    await toFile(script, options.out, { overwrite: options.overwrite, signal });
  else if ((await toStandardOutput(script, signal)) === 'reader-gone') return INTERRUPTED;
  const elapsedMs = clock().getTime() - startedAt;
  const { timestamp } = set.manifest;
  const { isInCopy: _, ...counts } = dumped;
  const value = { status: 'dumped', timestamp, ...counts, to: options.out ?? '-', elapsedMs };
  const text = `dumped ${plural(dumped.tables, 'table')} of set ${timestamp}: ${plural(dumped.rows, 'row')}, ${bytes(dumped.bytes)} in ${duration(elapsedMs)}`;
  if (options.out === undefined) output.note('dumped', value, output.live ? text : undefined);
  else output.result(value, text);
  return 0;
}
