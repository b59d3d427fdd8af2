import { StowageError } from '../../../backup-set/base/errors.ts';
import { columnNames } from '../../../database/objects/inline-parts.ts';
import { tableKey } from '../convert/source.ts';
import { smallFile } from '../files/decompressed.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { unquoted } from '../script/copy-statement.ts';
import { nameDecoder } from '../script/name-decoder.ts';
import { UnsoundScript } from '../script/unsound.ts';
import { type SetProblem, UnsoundSet } from '../set-problem.ts';
import { setFinder } from './find-set.ts';
import { type Counted, judgeRows, type TakenRows, unnamedFiles } from './judge-rows.ts';
import { type Definitions, definitionsOf } from './metadata/definitions.ts';
import { parseName } from './names.ts';
import { type Link, readChain, readLink } from './read-links.ts';
import type { SetTable } from './rows/read-rows.ts';
import { columnsOf } from './rows/table-rows.ts';

/** A set of gpbackup, read once. */
export interface GpbackupSet {
  readonly own: Link;
  readonly segments: number;
  readonly definitions: Definitions;
  readonly tables: readonly TakenRows[];
  /** By content. */
  readonly counted: readonly ReadonlyMap<SetTable, Counted>[];
  readonly problems: readonly SetProblem[];
}

/**
 * Reads every byte of the rows of a set, and judges it. Its report and exit code are not enough: no
 * tool of gpbackup looks whether all objects are there and whole.
 * @throws UnsoundSet when its documents are not sound. StowageError `adopt/not-found`,
 * `adopt/unsupported`.
 */
export async function readSet(
  places: readonly SourceFiles[],
  timestamp: string,
  signal: AbortSignal,
): Promise<GpbackupSet> {
  const finder = setFinder(places, signal);
  await finder.require(timestamp);
  const { link: own, problems: found } = await readLink(finder, timestamp, signal);
  const problems = [...found];
  refuseUnsupported(own);
  const definitions = await definitionsIn(own, problems, signal);
  const segments = own.config.segmentcount ?? segmentsIn(own);
  if (segments < 1) throw new UnsoundSet([...problems, noSegments(own)]);
  const taken = await readChain(finder, own, problems, signal);
  const ofRoot = columnsIn(definitions);
  const tables = taken.flatMap(({ link, entry }) => {
    try {
      const { oid, rowscopied, isreplicated, distbyenum, partitionroot } = entry;
      return [
        {
          link,
          oid,
          schema: unquoted(entry.schema),
          name: unquoted(entry.name),
          columns: columnsOf(entry, ofRoot),
          rowsCopied: rowscopied,
          isReplicated: isreplicated,
          distByEnum: distbyenum,
          partitionRoot: partitionroot === '' ? undefined : unquoted(partitionroot),
        },
      ];
    } catch (error) {
      if (!(error instanceof UnsoundScript)) throw error;
      problems.push({ file: `gpbackup_${link.timestamp}_toc.yaml`, message: error.message });
      return [];
    }
  });
  problems.push(...unnamedFiles(own, segments));
  const counted = await judgeRows(tables, segments, problems, signal);
  return { own, segments, definitions, tables, counted, problems };
}

function refuseUnsupported({ timestamp, config }: Link): void {
  const { compressiontype: type, compressed } = config;
  if (compressed && !['', 'gzip', 'zstd'].includes(type))
    throw new StowageError(
      'adopt/unsupported',
      `set ${timestamp} is compressed with ${JSON.stringify(type)}: gzip, zstd and none can be read`,
    );
}

async function definitionsIn(
  own: Link,
  problems: readonly SetProblem[],
  signal: AbortSignal,
): Promise<Definitions> {
  const file = `gpbackup_${own.timestamp}_metadata.sql`;
  try {
    const found = own.files.get(file);
    if (found === undefined) throw new UnsoundScript('it is missing');
    return definitionsOf(await smallFile(found, signal), own);
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    throw new UnsoundSet([...problems, { file, message: error.message }]);
  }
}

/** The columns of a table by its definition. */
function columnsIn({ objects, encoding }: Definitions) {
  const decode = nameDecoder(encoding);
  const tables = new Map(
    objects
      .filter(({ kind }) => kind === 'TABLE')
      .map((object) => [
        tableKey({ schema: decode(object.schema), name: decode(object.tag) }),
        object,
      ]),
  );
  return (schema: string, name: string) => {
    const made = tables.get(tableKey({ schema, name }))?.statements[0];
    return made === undefined ? undefined : columnNames(made).map(decode);
  };
}

/** Old versions of gpbackup do not say how many segments there were. */
function segmentsIn({ files }: Link): number {
  const contents = [...files.keys()].map((name) => {
    const file = parseName(name);
    return file?.kind === 'data' ? file.content : -1;
  });
  return Math.max(-1, ...contents) + 1;
}

const noSegments = ({ timestamp }: Link): SetProblem => ({
  file: `gpbackup_${timestamp}_config.yaml`,
  message: 'it does not say how many segments the cluster had, and no file is of a segment',
});
