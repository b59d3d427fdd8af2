import { type SetProblem, UnsoundSet } from '../set-problem.ts';
import type { CountedSection } from './data-sections.ts';
import { type FoundFile, filesOf } from './find-files.ts';
import { textFile } from './judge-files.ts';
import { type GpcrondumpSet, readSet, type SegmentDump } from './read-set.ts';

/** Tables of one dump that the set has. */
export interface TakenDump {
  readonly dump: FoundFile;
  readonly file: string;
  readonly sections: readonly CountedSection[];
}

/** A set, and where the rows of each content are: in its own dump, or also in those before it. */
export interface ResolvedSet extends GpcrondumpSet {
  takenFrom(content: number): readonly TakenDump[];
}

/** Which set a user wants. */
export interface WantedSet {
  readonly timestamp: string;
  readonly prefix: string | undefined;
}

/**
 * Reads a set and judges it. An increment has the rows of the tables that have changed: all others
 * are in the newest increment before it that names them, or in the full set. All sets of such a
 * chain are read and must be sound.
 * @throws as `filesOf` and `readSet`.
 */
export async function readResolved(
  files: readonly FoundFile[],
  { timestamp, prefix }: WantedSet,
  signal: AbortSignal,
): Promise<ResolvedSet> {
  const own = filesOf(files, timestamp, prefix);
  const set = await readSet(own, timestamp, signal);
  if (set.increment === undefined)
    return { ...set, takenFrom: (content) => wholeDump(segmentOf(set, content)) };
  const problems: SetProblem[] = [];
  const before = await timestampsBefore(files, own, timestamp, signal);
  const older: GpcrondumpSet[] = [];
  for (const link of before.toReversed())
    older.push(await readLink(files, { timestamp: link, prefix }, set, problems, signal));
  if (older.length === 0)
    problems.push({
      file: `gp_dump_…_increments`,
      message: `no such file lists ${timestamp}: the full set of this increment is not known`,
    });
  if (problems.length > 0) throw new UnsoundSet([...set.problems, ...problems]);
  const chain = [set, ...older];
  const sourceOf = new Map(
    set.increment.tables.map((table) => [
      table,
      chain.find(({ increment }) => increment === undefined || increment.dirty.includes(table)),
    ]),
  );
  const takenFrom = (content: number) =>
    chain.flatMap((link) =>
      wholeDump(segmentOf(link, content)).map(({ dump, file, sections }) => ({
        dump,
        file,
        sections: sections.filter((one) => sourceOf.get(`${one.schema}.${one.name}`) === link),
      })),
    );
  return { ...set, problems: [...set.problems, ...absent(set, takenFrom)], takenFrom };
}

function segmentOf({ segments }: GpcrondumpSet, content: number): SegmentDump | undefined {
  return segments.find((segment) => segment.content === content);
}

function wholeDump(segment: SegmentDump | undefined): readonly TakenDump[] {
  if (segment?.dump === undefined) return [];
  const { dump, file, sections } = segment;
  return [{ dump, file, sections }];
}

/** The full set and the increments before this one, oldest first; none: not known. */
async function timestampsBefore(
  files: readonly FoundFile[],
  own: readonly FoundFile[],
  timestamp: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const prefix = own[0]?.prefix;
  for (const file of files) {
    if (file.kind !== 'increments' || file.prefix !== prefix) continue;
    const listed = (await textFile(file, signal))
      .toString('utf8')
      .split('\n')
      .map((line) => line.trim());
    const at = listed.indexOf(timestamp);
    if (at !== -1) return [file.timestamp, ...listed.slice(0, at)];
  }
  return [];
}

async function readLink(
  files: readonly FoundFile[],
  wanted: WantedSet,
  set: GpcrondumpSet,
  problems: SetProblem[],
  signal: AbortSignal,
): Promise<GpcrondumpSet> {
  const link = await readSet(
    filesOf(files, wanted.timestamp, wanted.prefix),
    wanted.timestamp,
    signal,
  );
  problems.push(...link.problems.map(({ file, message }) => ({ file, message })));
  const file = `gp_dump_${wanted.timestamp}.rpt`;
  const contents = (one: GpcrondumpSet) => one.segments.map(({ content }) => content).join();
  if (contents(link) !== contents(set))
    problems.push({ file, message: 'it has other segments than the increment' });
  if (link.definitions.encoding !== set.definitions.encoding)
    problems.push({ file, message: 'its dumps have another encoding than the increment' });
  return link;
}

/** Tables of the set that no segment of the chain has. */
function absent(
  { increment, segments, timestamp }: GpcrondumpSet,
  takenFrom: (content: number) => readonly TakenDump[],
): SetProblem[] {
  const found = new Set(
    segments.flatMap(({ content }) =>
      takenFrom(content).flatMap(({ sections }) =>
        sections.map(({ schema, name }) => `${schema}.${name}`),
      ),
    ),
  );
  return (increment?.tables ?? [])
    .filter((table) => !found.has(table))
    .map((table) => ({
      file: `gp_dump_${timestamp}_table_list`,
      message: `no dump of the chain has the rows of ${table}, which it lists`,
    }));
}
