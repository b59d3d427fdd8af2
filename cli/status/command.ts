import { pause } from '../../async/poll.ts';
import type { Heard } from '../../functions/heard/heard.ts';
import type { ClusterCommand } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { numberFrom } from '../flags.ts';
import { withReplica } from '../open.ts';
import { attentionOf } from './attention.ts';
import { collectStatus, type Status } from './collect.ts';
import { statusText } from './text.ts';

/** Documented in docs/operations.md: something needs attention. */
const EXIT_ATTENTION = 3;
const WATCH_SECONDS = 10;

export const statusCommand: ClusterCommand = {
  usage: 'status',
  summary: 'print what runs, the last set, drill and copy, what is next, and what needs attention',
  details: [
    'Exit code 0: nothing needs attention. 3: something does; the first lines say what.',
    'Reads the newest sets only, and connects to no database.',
  ].join('\n'),
  flags: [
    ['--watch', 'print again and again until Ctrl-C; on a terminal in the same place'],
    ['--interval <seconds>', `with --watch: seconds between two looks (default ${WATCH_SECONDS})`],
  ],
  cluster: () => ({}),
  async run({ flags, context }) {
    const { output, signal } = context;
    const everyMs = Math.max(1, numberFrom(flags, 'interval', WATCH_SECONDS)) * 1000;
    return withReplica(context, async (store, replica) => {
      const look = async () => {
        const status = await collectStatus(context, store, replica);
        const attention = attentionOf(status);
        const value = { ...jsonOf(status), attention };
        const text = statusText(status, attention, output.screen);
        return { value, text, exit: attention.length === 0 ? 0 : EXIT_ATTENTION };
      };
      if (flags['watch'] !== true) {
        const { value, text, exit } = await look();
        output.result(value, text);
        return exit;
      }
      let exit = 0;
      while (!signal.aborted) {
        const found = await look().catch((error: unknown) => {
          if (!signal.aborted) throw error;
          return undefined;
        });
        if (found === undefined) break;
        exit = found.exit;
        show(context, found.value, found.text);
        await pause(everyMs, signal);
      }
      return exit;
    });
  },
};

/** In the same place on a terminal; elsewhere as lines, or with --json as events. */
function show({ output }: ClusterContext, value: object, text: string): void {
  if (output.live) output.draw(text.split('\n'));
  else output.note('status', { ...value }, `${text}\n`);
}

/** The status as --json prints it. */
function jsonOf({
  complete,
  sets,
  entries,
  now,
  overdueAfterMs: _,
  agents,
  runners,
  strangeOrders,
  ...status
}: Status): Record<string, unknown> {
  return {
    ...status,
    at: now.toISOString(),
    newest: sets[0],
    newestComplete: complete,
    agents: agents && { ...agents.newest, heard: agents.heard.map((one) => heardJson(one, now)) },
    runners: runners.map((one) => heardJson(one, now)),
    strangeOrders: strangeOrders.map(({ entry, instant }) => ({
      entry,
      scheduledAt: instant.toISOString(),
    })),
    running: {
      backups: sets.filter(({ status: of }) => of === 'open').map(({ timestamp }) => timestamp),
      restores: status.restores,
      entries: entries
        .filter(({ last }) => last?.state === 'running')
        .map(({ entry }) => entry.name),
    },
    schedule: entries.map(({ entry, last, next, overdue }) => ({
      name: entry.name,
      args: entry.args,
      next: next?.toISOString(),
      overdue: overdue?.toISOString(),
      last: last && {
        ...last.end,
        scheduledAt: last.instant.toISOString(),
        startedAt: last.start?.startedAt,
        by: last.start?.by,
        state: last.state,
      },
    })),
  };
}

function heardJson({ name, tool, lastAt, isOverdue, contents }: Heard, now: Date) {
  return {
    name,
    tool,
    lastHeard: lastAt.toISOString(),
    ageSeconds: Math.max(0, Math.round((now.getTime() - lastAt.getTime()) / 1000)),
    overdue: isOverdue,
    ...(contents && { contents: contents.map(({ content }) => content) }),
  };
}
