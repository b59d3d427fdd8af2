import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import { backupText, summaryOf } from '../commands/backup.ts';
import type { ClusterContext } from '../context.ts';
import { numberFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { printable } from '../output/format.ts';
import { adoptSource } from './convert/adopt-source.ts';
import { existsAlready } from './convert/plan.ts';
import { asSource } from './gpcrondump/as-source.ts';
import { type ResolvedSet, readResolved } from './gpcrondump/chain.ts';
import { findFiles } from './gpcrondump/find-files.ts';
import { UnsoundSet } from './gpcrondump/judge-files.ts';
import type { SetProblem } from './gpcrondump/rules.ts';
import { sourceLines } from './source-lines.ts';

const WAIT_SECONDS = 600;

export const adoptCommand: ClusterCommand = {
  usage: 'adopt <tool> <folders...>',
  summary: 'convert a set that another tool made (gpcrondump) into a set of ours',
  details: `<tool> is gpcrondump. <folders> are the folders of its master and of all segments, in this file system; their sub-folders are searched, too.
The set is read twice: first to judge it, then to convert it. An unsound set is refused with file and reason, also one that gpcrondump calls successful. docs/migrating.md has every step.`,
  flags: [
    ['--timestamp <digits>', 'which set: its YYYYMMDDHHMMSS, as the tool names it (required)'],
    ['--prefix <text>', 'the --prefix of gpcrondump, when sets with several have this timestamp'],
    ['--partial', 'take the tables that are sound, and mark the set as incomplete'],
    [
      '--wait <seconds>',
      `with events: how long to wait for the functions (default ${WAIT_SECONDS})`,
    ],
  ],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const [tool, ...folders] = positional;
    if (tool !== 'gpcrondump')
      throw wrong(
        'tool',
        `${JSON.stringify(tool)} is not a tool whose sets can be adopted: use gpcrondump`,
      );
    const timestamp = timestampOf(flags);
    const waitMs = numberFrom(flags, 'wait', WAIT_SECONDS) * 1000;
    const result = await withStore(context, async (store) => {
      const plan = formatKey({ kind: 'plan', timestamp });
      if ((await store.head(plan)) !== undefined) throw existsAlready(store, timestamp);
      const set = await judgedSet(context, folders, timestamp, flags);
      return adoptSource(context, store, await asSource(set), waitMs);
    });
    const { source } = result.plan;
    context.output.result(
      { ...summaryOf(result), source },
      [...sourceLines(source), backupText(result)].join('\n'),
    );
    if (context.signal.aborted) return 130;
    return result.status === 'complete' ? 0 : 3;
  },
};

async function judgedSet(
  context: ClusterContext,
  folders: readonly string[],
  timestamp: string,
  flags: Flags,
): Promise<ResolvedSet> {
  const prefix = flags['prefix'];
  const files = await findFiles(folders, context.signal);
  const wanted = { timestamp, prefix: typeof prefix === 'string' ? prefix : undefined };
  try {
    const set = await readResolved(files, wanted, context.signal);
    const { problems, segments } = set;
    if (problems.length > 0) {
      if (flags['partial'] !== true) refuse(context, timestamp, problems);
      noteProblems(context, problems, 'these files of the set are not sound:');
    }
    context.output.note(
      'judged',
      { timestamp, segments: segments.length, problems },
      `set ${timestamp} of gpcrondump: ${plural(segments.length, 'segment')}, ${plural(segments[0]?.sections.length ?? 0, 'table')}`,
    );
    return set;
  } catch (error) {
    if (error instanceof UnsoundSet) refuse(context, timestamp, error.problems);
    throw error;
  }
}

function refuse(
  context: ClusterContext,
  timestamp: string,
  problems: readonly SetProblem[],
): never {
  const [first, ...more] = problems;
  if (more.length > 0)
    noteProblems(context, problems, `set ${timestamp} of gpcrondump is not sound:`);
  const others = more.length === 0 ? '' : ` (and ${plural(more.length, 'more reason')}, above)`;
  throw new StowageError(
    'adopt/unsound',
    printable(
      `set ${timestamp} of gpcrondump is not sound: ${first?.file}: ${first?.message}${others}`,
    ),
    { where: { set: timestamp, ...(first?.content !== undefined && { content: first.content }) } },
  );
}

function noteProblems(
  { output }: ClusterContext,
  problems: readonly SetProblem[],
  title: string,
): void {
  const lines = problems.map(({ file, message }) => printable(`  ${file}: ${message}`));
  output.note('unsound', { problems }, [title, ...lines].join('\n'));
}

function timestampOf(flags: Flags): string {
  const given = Timestamp.safeParse(flags['timestamp']);
  if (given.success) return given.data;
  throw wrong('timestamp', 'adopt needs --timestamp with the 14 digits of the set: YYYYMMDDHHMMSS');
}

const wrong = (field: string, message: string) =>
  new StowageError('usage/flag', message, { where: { field } });
