import { dateOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import { type LogEntry, readLog } from '../../functions/looking-back/log/log.ts';
import { requireSet } from '../../functions/sets/status.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import { numberFrom } from '../flags.ts';
import { timeFrom } from '../list/filters.ts';
import { withStore } from '../open.ts';
import { localTime } from '../output/format.ts';
import { table } from '../output/table/table.ts';
import { findSet, setNameFrom } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { entryText, isBad } from './log-text.ts';

/** The window unless --since, --set or --all is given. */
const DAYS = '7d';

export const logCommand: ClusterCommand = {
  usage: 'log',
  summary: 'print what happened under a root, from the documents in it, newest last',
  details: `Backups, verdicts, drills, runs of the schedule, holds, expiry, locks, restores, verifications, copies and exports. A set that was removed has left no document.
Without --since it prints the last 7 days; with --set, everything about that set.
It reads the names of three folders of every set, and the documents that lie in the window.
Exit code 3: a document could not be read, and the line says which.
Examples:
  stowage log --since 24h
  stowage log --set latest`,
  flags: [
    ['--since <time>', `only since this UTC time, or of the last 12h, 7d or 2w (default ${DAYS})`],
    ['--before <time>', 'only before this UTC time, or older than 12h, 7d or 2w'],
    ['--set <set>', 'only what happened to this set'],
    ['--last <n>', 'only the newest n entries'],
    ['--all', 'from the beginning'],
  ],
  cluster: () => ({}),
  async run({ flags, context }) {
    const now = context.clock();
    const name = flags['set'] === undefined ? undefined : setNameFrom([String(flags['set'])]);
    const since = sinceFrom(flags, now);
    const before = timeFrom(flags, 'before', now);
    return withStore(context, async (store) => {
      const deps = functionDeps(context, store);
      const set = name && (await findSet(context, store, name));
      if (set !== undefined) await requireSet(deps, set);
      const { entries: all, omitted } = await readLog(deps, { since, set });
      const until = before && dateOf(before).toISOString();
      const older = all.filter(({ at }) => until === undefined || at < until);
      const last = flags['last'] === undefined ? older.length : numberFrom(flags, 'last', 0);
      const entries = older.slice(Math.max(0, older.length - last));
      context.output.result(
        { root: store.url, since, before: until, set, entries, omitted },
        [
          entries.length === 0
            ? emptyText(store.url, since)
            : linesOf(entries, context.output.screen),
          ...(omitted > 0 ? [`${plural(omitted, 'older verdict')} not read`] : []),
        ].join('\n'),
      );
      return entries.some(({ unreadable }) => unreadable !== undefined) ? 3 : 0;
    });
  },
};

function sinceFrom(flags: Flags, now: Date): string | undefined {
  const isWhole = flags['all'] === true || flags['set'] !== undefined;
  const given = flags['since'] === undefined && !isWhole ? { since: DAYS } : flags;
  const digits = timeFrom(given, 'since', now);
  return digits && dateOf(digits).toISOString();
}

function emptyText(root: string, since: string | undefined): string {
  return `nothing happened under ${root}${since === undefined ? '' : ` since ${since}`}`;
}

function linesOf(entries: readonly LogEntry[], screen: Parameters<typeof table>[2]): string {
  return table(
    [
      { title: 'local time', align: 'left' },
      { title: 'set', drop: 1 },
      { title: 'what', min: 30, cut: 'fold' },
    ],
    entries.map((entry) => [
      localTime(new Date(entry.at)),
      entry.set ?? '',
      { text: entryText(entry), tone: isBad(entry) ? 'bad' : undefined },
    ]),
    screen,
  );
}
