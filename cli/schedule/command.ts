import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { listRuns, newestRuns, readRuns } from '../../functions/schedule/runs.ts';
import type { ClusterCommand } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { withStore } from '../open.ts';
import { printable } from '../output/format.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import { table } from '../output/table/table.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { commandLine } from './child.ts';
import { type Entry, entriesOf } from './entries.ts';
import { type RunnerEvents, runDueOnce } from './runner.ts';
import { runnerOptions, startSchedule } from './start.ts';
import { localTime, runText } from './text.ts';
import { nextAfter } from './times.ts';

/** Of --once: the timer that calls it must see that a run failed. */
const EXIT_FAILED = 3;

export const scheduleCommand: ClusterCommand = {
  usage: 'schedule',
  summary: 'print the entries of the schedule with their last and next runs, or run them',
  details: [
    'Any number of hosts may run the same schedule: a lease in the bucket decides which of them starts a run, and each instant runs once.',
    'With --once, exit code 3: a run has failed; its line says why.',
    '`stowage serve` runs the schedule, too. See docs/operations.md, "Schedules".',
  ].join('\n'),
  flags: [
    ['--run', 'run the entries when they are due, until a signal ends this command'],
    ['--once', 'run what is due now, and end: for a timer of another program'],
  ],
  cluster: () => ({}),
  async run({ flags, context }) {
    const { config, signal, output } = context;
    const entries = entriesOf(config);
    if (entries.length === 0)
      throw new StowageError(
        'config/invalid',
        'schedule.entries is empty: docs/configuration.md has an example of a schedule',
        { where: { field: 'schedule.entries' } },
      );
    if (flags['run'] === true && flags['once'] === true)
      throw new StowageError('usage/flag', 'use --run or --once, not both', {
        where: { field: 'once' },
      });
    return withStore(context, async (store) => {
      if (flags['once'] === true) {
        const options = runnerOptions(context, store, commandLine(flags), signal);
        let heldBy: string | undefined;
        const onWaiting = (holder: string) => {
          heldBy = holder;
        };
        const failed: string[] = [];
        const onEnded: RunnerEvents['onEnded'] = (run, end) => {
          options.events.onEnded(run, end);
          if (end.exitCode !== 0) failed.push(end.entry);
        };
        const events = { ...options.events, onWaiting, onEnded };
        const ran = await runDueOnce({ ...options, events });
        const found = { ran, failed, ...(heldBy !== undefined && { heldBy }) };
        output.result(found, onceText(found));
        return failed.length === 0 ? 0 : EXIT_FAILED;
      }
      if (flags['run'] !== true) return print(context, store, entries);
      output.note(
        'scheduling',
        { root: store.url, entries: entries.length },
        `running ${plural(entries.length, 'entry', 'entries')} for ${store.url}. Ctrl-C stops`,
      );
      const scheduling = startSchedule(context, store, commandLine(flags));
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await scheduling.stop();
      return 0;
    });
  },
};

interface Once {
  readonly ran: number;
  readonly failed: readonly string[];
  readonly heldBy?: string;
}

/** A runner that has ended keeps its term of the lease, too. */
function onceText({ ran, failed, heldBy }: Once): string {
  const bad = failed.length === 0 ? '' : `, of which ${failed.join(', ')} failed`;
  const done = `ran ${plural(ran, 'entry', 'entries')}${bad}`;
  if (heldBy === undefined) return done;
  return printable(
    `${done}. Others are due and were left: ${heldBy} holds the lease, for at most 5 minutes after its last run. Run this again then, unless that runner is still at work`,
  );
}

async function print(
  context: ClusterContext,
  store: Parameters<typeof functionDeps>[1],
  entries: readonly Entry[],
): Promise<number> {
  const look = lookWith(functionDeps(context, store));
  const { deps } = look;
  const now = await store.now({ signal: context.signal });
  const newest = newestRuns(await listRuns(deps, now));
  const wanted = entries.flatMap(({ name }) => newest.get(name) ?? []);
  const runs = new Map((await readRuns(deps, wanted, now)).map((run) => [run.entry, run]));
  const rows = entries.map((entry) => {
    const next = nextAfter(entry, now);
    return { entry, next, last: runs.get(entry.name) };
  });
  const unreadable = look.unreadable();
  context.output.result(
    {
      root: store.url,
      ...unreadableValue(unreadable),
      entries: rows.map(({ entry, next, last }) => ({
        name: entry.name,
        at: entry.cron,
        timeZone: entry.timeZone,
        args: entry.args,
        next: next?.toISOString(),
        last: last && { scheduledAt: last.instant.toISOString(), state: last.state, ...last.end },
      })),
    },
    [
      table(
        ['entry', 'at', { title: 'command', min: 12 }, 'last', 'next'],
        rows.map(({ entry, next, last }) => [
          entry.name,
          entry.cron,
          printable(entry.args.join(' ')),
          last === undefined ? '–' : runText(last, now),
          next === undefined ? '–' : localTime(next, entry.timeZone),
        ]),
        context.output.screen,
      ),
      ...unreadableLines(unreadable),
    ].join('\n'),
  );
  return exitOfLook(unreadable);
}
