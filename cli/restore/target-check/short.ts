import { count, plural } from '../../../backup-set/base/words.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import type { Segment } from '../../../database/flavour.ts';
import { bytes, printable } from '../../output/format.ts';
import { rowsNotInSet, rowsNotInSetShort } from '../../output/not-shipped.ts';
import type { TargetReport } from './check.ts';
import { NEED_KINDS, NEED_NOUNS } from './lacking.ts';

const PLACES_SHOWN = 4;

export const MODES = {
  create: 'new databases (--create)',
  fill: 'databases that exist',
  truncate: 'tables that exist are emptied and loaded (--truncate)',
} as const;

/** `target: database shop on content 0 (db0:5432), content 1 (db1:5432); new databases`. */
export function targetLine(
  { target, mode, resumes }: Pick<RestoreRequest, 'target' | 'mode' | 'resumes'>,
  changed: readonly Pick<Segment, 'content' | 'host' | 'port'>[],
): string {
  const places = changed
    .slice(0, PLACES_SHOWN)
    .map(({ content, host, port }) => `content ${content} (${host}:${port})`);
  const more = changed.length - places.length;
  const rest = more > 0 ? ` and ${plural(more, 'more content')}` : '';
  const what = resumes === undefined ? MODES[mode] : 'what an unfinished restore left';
  return printable(`target: database ${target.database} on ${places.join(', ')}${rest}; ${what}`);
}

/** What the look at the target has found, in at most four lines. */
export function foundLines(
  { needs, contents, disks, unread }: TargetReport,
  wantedBytes: (content: number) => number,
): string[] {
  const present = NEED_KINDS.flatMap((kind) => {
    const some = needs.filter((need) => need.kind === kind && need.missingOn.length === 0);
    return some.length === 0 ? [] : [plural(some.length, NEED_NOUNS[kind])];
  });
  const tight = contents.filter(({ lockTable }) => lockTable.verdict === 'tight');
  const [first] = tight;
  return [
    ...(present.length === 0 ? [] : [`the target has what the set needs: ${present.join(', ')}`]),
    ...(first === undefined
      ? []
      : [
          `the lock table may be too small on content ${tight.map(({ content }) => content).join(', ')}: ${count(first.lockTable.needed)} locks in one transaction, room for about ${count(first.lockTable.room)}. max_locks_per_transaction = ${first.lockTable.settingNeeded} is enough`,
        ]),
    ...disks.known.flatMap(({ contents: on, directory, freeBytes }) => {
      const needed = on.reduce((sum, content) => sum + wantedBytes(content), 0);
      return needed <= freeBytes
        ? []
        : [
            printable(
              `${directory} (content ${on.join(', ')}) has ${bytes(freeBytes)} free, and the rows alone are ${bytes(needed)} of text`,
            ),
          ];
    }),
    ...unread.slice(0, 1).map((why) => printable(`the needs of the set are not known: ${why}`)),
  ];
}

/** `3 tables, 12 rows, 4 kB (1 kB stored)`. */
export function volumeText({
  relations,
  rows,
  bytes: text,
  storedBytes,
}: {
  readonly relations: number;
  readonly rows: number;
  readonly bytes: number;
  readonly storedBytes: number;
}): string {
  return `${plural(relations, 'table')}, ${plural(rows, 'row')}, ${bytes(text)} (${bytes(storedBytes)} stored)`;
}

/** What a restore of the whole set cannot bring back. */
export function notInSetLine(manifest: Manifest): string[] {
  const without = rowsNotInSet(manifest);
  const { leftOut = [] } = manifest;
  const what = [
    ...(without.length === 0 ? [] : [rowsNotInSetShort(without)]),
    ...(leftOut.length === 0 ? [] : [plural(leftOut.length, 'definition')]),
  ];
  return what.length === 0
    ? []
    : [`not in the set: ${what.join(', ')}; \`stowage show ${manifest.timestamp}\` lists them`];
}
