import { type PlacedFile, smallFile } from '../files/decompressed.ts';
import { UnsoundScript } from '../script/unsound.ts';
import { type SetProblem, UnsoundSet } from '../set-problem.ts';
import { BackupConfig, type DataEntry, parseDocument, Toc } from './documents.ts';
import type { SetFinder } from './find-set.ts';
import { parseReport, reportProblems } from './report.ts';

/** One set of gpbackup: its documents, and where its files are. */
export interface Link {
  readonly timestamp: string;
  readonly config: BackupConfig;
  readonly toc: Toc;
  /** The command line of gpbackup. */
  readonly options: string;
  readonly files: ReadonlyMap<string, PlacedFile>;
  /** The folder or URL of its documents. */
  readonly place: string;
}

/** A table and the set of the chain that has its rows. */
export interface TakenTable {
  readonly link: Link;
  readonly entry: DataEntry;
}

/** `schema.name` with the quotes of the documents. */
export const fqnOf = ({ schema, name }: Pick<DataEntry, 'schema' | 'name'>) => `${schema}.${name}`;

/**
 * The documents of one set, judged.
 * @throws UnsoundSet when they cannot be read.
 */
export async function readLink(
  finder: SetFinder,
  timestamp: string,
  signal: AbortSignal,
): Promise<{ readonly link: Link; readonly problems: readonly SetProblem[] }> {
  const problems: SetProblem[] = [];
  const files = await finder.filesOf(timestamp, problems);
  const read = async <Value>(suffix: string, use: (bytes: Buffer) => Value) => {
    const file = `gpbackup_${timestamp}_${suffix}`;
    const found = files.get(file);
    try {
      if (found === undefined) throw new UnsoundScript('it is missing');
      return use(await smallFile(found, signal));
    } catch (error) {
      if (!(error instanceof UnsoundScript)) throw error;
      problems.push({ file, message: error.message });
      return undefined;
    }
  };
  const report = await read('report', (bytes) => bytes.toString('utf8'));
  if (report !== undefined)
    for (const message of reportProblems(report, timestamp))
      problems.push({ file: `gpbackup_${timestamp}_report`, message });
  const config = await read('config.yaml', (bytes) => parseDocument(BackupConfig, bytes));
  const toc = await read('toc.yaml', (bytes) => parseDocument(Toc, bytes));
  if (config === undefined || toc === undefined) throw new UnsoundSet(problems);
  problems.push(...configProblems(config, timestamp));
  const { name = '', from } = files.get(`gpbackup_${timestamp}_config.yaml`) ?? {};
  const folder = name.slice(0, Math.max(0, name.lastIndexOf('/')));
  const place = [from?.place.replace(/\/$/, ''), folder].filter(Boolean).join('/');
  const { options } = parseReport(report ?? '');
  return { link: { timestamp, config, toc, options, files, place }, problems };
}

function configProblems(config: BackupConfig, timestamp: string): SetProblem[] {
  const file = `gpbackup_${timestamp}_config.yaml`;
  const { status } = config;
  return [
    ...(config.timestamp === timestamp ? [] : [{ file, message: `it is of ${config.timestamp}` }]),
    ...(status === undefined || status === 'Success'
      ? []
      : [{ file, message: `its status is ${JSON.stringify(status)}, not "Success"` }]),
  ];
}

/**
 * The tables of a set, each with the set that its restore plan names: an increment has the rows of
 * the tables that have changed, and older sets those of all others.
 * @throws UnsoundSet when a set of the chain cannot be read.
 */
export async function readChain(
  finder: SetFinder,
  own: Link,
  problems: SetProblem[],
  signal: AbortSignal,
): Promise<readonly TakenTable[]> {
  const { restoreplan, incremental } = own.config;
  if (incremental && restoreplan.length === 0)
    problems.push({
      file: `gpbackup_${own.timestamp}_config.yaml`,
      message: 'it is of an increment, and has no restoreplan',
    });
  const plan = restoreplan.filter(({ tablefqns }) => tablefqns.length > 0);
  const taken: TakenTable[] = [];
  const seen = new Set<string>();
  for (const { timestamp, tablefqns } of plan) {
    const link =
      timestamp === own.timestamp ? own : await olderLink(finder, own, timestamp, problems, signal);
    const entries = new Map(link.toc.dataentries.map((entry) => [fqnOf(entry), entry]));
    for (const fqn of tablefqns) {
      const entry = entries.get(fqn);
      if (entry === undefined)
        problems.push({
          file: `gpbackup_${timestamp}_toc.yaml`,
          message: `it lacks table ${fqn}, whose rows it has by the restoreplan of ${own.timestamp}`,
        });
      else if (!seen.has(fqn)) taken.push({ link, entry });
      seen.add(fqn);
    }
  }
  for (const entry of own.toc.dataentries)
    if (!seen.has(fqnOf(entry))) {
      if (plan.length > 0)
        problems.push({
          file: `gpbackup_${own.timestamp}_config.yaml`,
          message: `its restoreplan lacks table ${fqnOf(entry)}, which its table of contents has`,
        });
      taken.push({ link: own, entry });
    }
  return taken;
}

async function olderLink(
  finder: SetFinder,
  own: Link,
  timestamp: string,
  problems: SetProblem[],
  signal: AbortSignal,
): Promise<Link> {
  const found = await readLink(finder, timestamp, signal);
  problems.push(...found.problems);
  const file = `gpbackup_${timestamp}_config.yaml`;
  const { databasename, segmentcount } = found.link.config;
  if (segmentcount !== own.config.segmentcount)
    problems.push({ file, message: `it has another segmentcount than set ${own.timestamp}` });
  // Sets of several databases can lie in one place.
  if (databasename !== own.config.databasename)
    problems.push({
      file,
      message: `it is of database ${databasename}, and set ${own.timestamp} of ${own.config.databasename}`,
    });
  return found.link;
}
