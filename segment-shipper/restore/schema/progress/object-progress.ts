import { createReadStream } from 'node:fs';
import { readToc } from '../../../../database/objects/toc.ts';
import type { ObjectsMade } from '../../../../database/tools/restore-lines.ts';
import type { Progress } from '../../../deps.ts';
import { objectWeights, type Sizes } from './object-weights.ts';

interface Part {
  readonly section: 'pre-data' | 'post-data';
  /** For pg_restore's --use-list; absent: all entries. */
  readonly list: string | undefined;
}

/**
 * Counts the objects of an archive as pg_restore makes them.
 * @param sizes of tables in the target; absent = objects are counted, not weighed.
 */
export async function objectProgress(
  file: string,
  part: Part,
  progress: Progress,
  sizes?: Sizes,
): Promise<(made: ObjectsMade) => void> {
  const weights = objectWeights();
  let planned = await countEntries(file, part, weights);
  const bytes = sizes && (await weights.weigh(sizes));
  let most = 0;
  progress.objects = { done: 0, planned };
  return (made) => {
    const { done, current } = made;
    most = Math.max(most, done);
    planned = Math.max(planned, most);
    progress.objects = {
      done: most,
      planned,
      ...(bytes && { bytesDone: bytes.made(made), bytesPlanned: bytes.planned }),
    };
    showCurrent(progress, current);
  };
}

/** What a phase without tables works on. */
export function showCurrent({ underWay }: Progress, current: string | undefined): void {
  underWay.splice(0, underWay.length, ...(current === undefined ? [] : [current]));
}

/** Counts relations that an order is done with. */
export function countDone(progress: Progress, planned: number): (relations: number) => void {
  let done = 0;
  progress.objects = { done, planned };
  return (relations) => {
    done += relations;
    progress.objects = { done, planned };
  };
}

/** As pg_restore does, counts an entry without a section with the entries before it. */
async function countEntries(
  file: string,
  { section, list }: Part,
  weights: ReturnType<typeof objectWeights>,
): Promise<number> {
  const listed = list === undefined ? undefined : listedIds(list);
  let current: string = 'pre-data';
  let count = 0;
  // The archive was checked when it was fetched; a number for the progress fails no restore.
  try {
    for await (const entry of readToc(createReadStream(file), file)) {
      const { id, kind, section: own } = entry;
      if (own !== 'none') current = own;
      const isSetting = SETTINGS.has(kind);
      const isMade = current === section && !isSetting && listed?.has(id) !== false;
      weights.take(entry, isMade);
      if (isMade) count += 1;
    }
  } catch {
    return count;
  }
  return count;
}

/** pg_restore does not count them as objects. */
const SETTINGS = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH']);

/** The entries in a list of pg_restore. */
export function listedIds(list: string): ReadonlySet<number> {
  return new Set(
    list.split('\n').flatMap((line) => {
      const [, id] = /^(\d+);/.exec(line) ?? [];
      return id === undefined ? [] : [Number(id)];
    }),
  );
}
