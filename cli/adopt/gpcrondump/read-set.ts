import { mapInFlight } from '../../../async/each-in-flight.ts';
import { readDefinitions, type ScriptDefinitions } from '../archive/script-objects.ts';
import { tableKey } from '../convert/source.ts';
import { decompressed } from '../files/decompressed.ts';
import { nameDecoder } from '../script/name-decoder.ts';
import { UnsoundScript } from '../script/unsound.ts';
import { type SetProblem, UnsoundSet } from '../set-problem.ts';
import { type CountedSection, countSections } from './data-sections.ts';
import type { FoundFile } from './find-files.ts';
import {
  judgeFile,
  judgeReport,
  refuseUnsupported,
  textFile,
  uniqueFiles,
  unreported,
} from './judge-files.ts';
import { parseReport, type ReportedDump } from './report.ts';
import { type CountedDump, compareDumps, lackingDirty } from './rules.ts';

/** One segment's dump: what it holds, and where it is. */
export interface SegmentDump extends CountedDump, Pick<ReportedDump, 'host' | 'port'> {
  /** Undefined: it is missing. */
  readonly dump: FoundFile | undefined;
}

/** A set of gpcrondump, read once. */
export interface GpcrondumpSet {
  readonly timestamp: string;
  readonly hasNewNames: boolean;
  readonly options: string;
  readonly master: ReportedDump;
  /** False: `gp_dump -a`, which has no dump of the master. */
  readonly hasDefinitions: boolean;
  readonly definitions: ScriptDefinitions;
  readonly postData: ScriptDefinitions;
  /** The text of gp_global…; absent: the set has none (`gpcrondump -G`). */
  readonly globals: Buffer | undefined;
  /** The text of gp_cdatabase…; absent: the set has none. */
  readonly creation: Buffer | undefined;
  readonly segments: readonly SegmentDump[];
  /** Names as the lists of an increment have them, without quotes; absent: a full set. */
  readonly increment?: {
    /** The tables whose rows it has. */
    readonly dirty: readonly string[];
    /** All tables of the database with rows, roots of partitioned tables not among them. */
    readonly tables: readonly string[];
  };
  readonly problems: readonly SetProblem[];
}

interface NamedDump {
  readonly dump: ReportedDump;
  readonly file: FoundFile | undefined;
}

/** Reads the dumps of a set, each once. Both throw UnsoundScript. */
export interface DumpReader {
  definitions(file: FoundFile, section: 'pre-data' | 'post-data'): Promise<ScriptDefinitions>;
  /** Calls the function for each table as soon as its rows are counted. */
  sections(file: FoundFile, onCounted: (section: CountedSection) => void): Promise<void>;
}

const readerOfFiles = (signal: AbortSignal): DumpReader => ({
  definitions: (file, section) => readDefinitions(textOf(file, signal), section),
  sections: (file, onCounted) => countSections(textOf(file, signal), onCounted),
});

/** Each reads, decompresses and counts with about one core. */
const DUMPS_AT_ONCE = 4;

/**
 * Reads every byte of a set and judges it. The report and the status files of gpcrondump are not
 * enough: it calls dumps that a full disk has cut off successful.
 * @throws UnsoundSet when its definitions are not sound. StowageError `adopt/unsupported`.
 */
export async function readSet(
  files: readonly FoundFile[],
  timestamp: string,
  signal: AbortSignal,
  reader: DumpReader = readerOfFiles(signal),
): Promise<GpcrondumpSet> {
  const problems: SetProblem[] = [];
  const unique = await uniqueFiles(files, problems);
  const reportFile = unique.find(({ kind }) => kind === 'report');
  if (reportFile === undefined)
    throw new UnsoundSet([
      ...problems,
      { file: `gp_dump_${timestamp}.rpt`, message: 'the report of the set is missing' },
    ]);
  const report = parseReport((await textFile(reportFile, signal)).toString('utf8'));
  problems.push(...judgeReport(report, timestamp, reportFile.name));
  refuseUnsupported(report, timestamp);
  const dumps = report.dumps.map(
    (dump): NamedDump => ({ dump, file: unique.find(({ name }) => name === dump.file) }),
  );
  for (const { dump, file } of dumps)
    problems.push(...(await judgeFile(dump, file, unique, signal)));
  problems.push(...unreported(report, unique));
  const ofMaster = dumps.filter(({ dump }) => dump.content === -1);
  const hasDefinitions = ofMaster.length > 0 || dumps.length === 0;
  const master = ofMaster.find(({ dump }) => !dump.isPostData) ?? masterOf(dumps[0]);
  const counted = await mapInFlight(
    dumps.filter(({ dump }) => dump.content >= 0).sort((a, b) => a.dump.content - b.dump.content),
    DUMPS_AT_ONCE,
    (named) => countDump(named, problems, reader),
  );
  const segments = withColumns(counted);
  const encodingOfRows = segments.flatMap(({ sections }) => sections)[0]?.encoding;
  const [definitions, postData] = hasDefinitions
    ? [
        await definitionsIn(master, 'pre-data', problems, reader),
        await definitionsIn(
          ofMaster.find(({ dump }) => dump.isPostData),
          'post-data',
          problems,
          reader,
        ),
      ]
    : [noDefinitions(encodingOfRows), noDefinitions(encodingOfRows)];
  const increment =
    report.backupType === 'Incremental'
      ? await listsOf(unique, timestamp, problems, signal)
      : undefined;
  const isSound = problems.every(({ content }) => content !== undefined);
  if (master === undefined || definitions === undefined || postData === undefined || !isSound)
    throw new UnsoundSet(problems);
  const decode = nameDecoder(definitions.encoding ?? '');
  const tables = definitions.tables.map((table) => ({
    schema: decode(table.schema),
    name: decode(table.name),
    rows: table.rows,
  }));
  for (const { schema, name, rows } of tables)
    if (rows > 0)
      problems.push({ file: master.dump.file, message: `it holds rows of ${schema}.${name}` });
  const { encoding = 'UTF8' } = definitions;
  const listed = increment === undefined ? tables.map(tableKey) : [];
  problems.push(...compareDumps(segments, listed, encoding));
  if (increment !== undefined) problems.push(...lackingDirty(segments, increment.dirty));
  const fileOf = async (kind: FoundFile['kind']) => {
    const file = unique.find((candidate) => candidate.kind === kind);
    return file && (await textFile(file, signal));
  };
  return {
    timestamp,
    hasNewNames: unique.some(({ hasNewName }) => hasNewName),
    options: report.options,
    master: master.dump,
    hasDefinitions,
    definitions,
    postData,
    globals: await fileOf('globals'),
    creation: await fileOf('cdatabase'),
    segments,
    ...(increment && { increment }),
    problems,
  };
}

/** `gp_dump -a` has dumped no master: what is known of it is what the segments share. */
const masterOf = (segment: NamedDump | undefined): NamedDump | undefined =>
  segment && { dump: { ...segment.dump, content: -1 }, file: undefined };

const noDefinitions = (encoding: string | undefined): ScriptDefinitions => ({
  encoding,
  standardStrings: false,
  objects: [],
  tables: [],
  sequences: [],
});

/**
 * In a dump of INSERT statements, a table without rows has only its heading. It has the columns
 * that it has in another segment; without rows anywhere it is no relation of the set.
 */
function withColumns(segments: readonly SegmentDump[]): SegmentDump[] {
  const columns = new Map(
    segments.flatMap(({ sections }) =>
      sections.flatMap((one) => (one.rows > 0 ? [[tableKey(one), one.columns] as const] : [])),
    ),
  );
  return segments.map((segment) => ({
    ...segment,
    sections: segment.sections.flatMap((section) => {
      if (section.inserted !== true) return [section];
      const known = columns.get(tableKey(section));
      return known === undefined ? [] : [{ ...section, columns: known }];
    }),
  }));
}

/** The text of a dump. */
export const textOf = ({ placed, isGzip }: FoundFile, signal: AbortSignal) =>
  decompressed(placed, isGzip ? 'gzip' : 'none', signal);

/** What an increment says of the tables of its database. */
async function listsOf(
  files: readonly FoundFile[],
  timestamp: string,
  problems: SetProblem[],
  signal: AbortSignal,
): Promise<GpcrondumpSet['increment']> {
  const linesOf = async (kind: 'dirty_list' | 'table_list') => {
    const file = files.find((candidate) => candidate.kind === kind);
    if (file !== undefined)
      return (await textFile(file, signal))
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '');
    const message = 'this list of an increment is missing';
    problems.push({ file: `gp_dump_${timestamp}_${kind}`, message });
    return [];
  };
  return { dirty: await linesOf('dirty_list'), tables: await linesOf('table_list') };
}

async function definitionsIn(
  named: NamedDump | undefined,
  section: 'pre-data' | 'post-data',
  problems: SetProblem[],
  reader: DumpReader,
): Promise<ScriptDefinitions | undefined> {
  if (named?.file === undefined) {
    const what = section === 'pre-data' ? 'dump' : '_post_data';
    if (named === undefined)
      problems.push({ file: `the master's ${what}`, message: 'the report does not name it' });
    return undefined;
  }
  try {
    return await reader.definitions(named.file, section);
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    problems.push({ file: named.dump.file, message: error.message });
    return undefined;
  }
}

async function countDump(
  { dump, file }: NamedDump,
  problems: SetProblem[],
  reader: DumpReader,
): Promise<SegmentDump> {
  const { content, host, port } = dump;
  const sections: CountedSection[] = [];
  const counted = { content, host, port, file: dump.file, dump: file, sections };
  if (file === undefined) return { ...counted, isCut: true };
  try {
    await reader.sections(file, (section) => sections.push(section));
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    problems.push({ file: dump.file, content, message: error.message });
    return { ...counted, isCut: true };
  }
  return { ...counted, isCut: false };
}
