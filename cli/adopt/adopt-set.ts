import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Flags } from '../command.ts';
import { backupText, summaryOf } from '../commands/backup.ts';
import type { ClusterContext } from '../context.ts';
import { secondsFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { printable } from '../output/format.ts';
import { adoptSource } from './convert/adopt-source.ts';
import { existsAlready } from './convert/plan.ts';
import type { AdoptedSource } from './convert/source.ts';
import { type SetProblem, UnsoundSet } from './set-problem.ts';
import { sourceLines } from './source-lines.ts';

export const WAIT_SECONDS = 600;

/** The set of another tool that the user wants. */
export interface WantedAdoption {
  readonly tool: string;
  readonly timestamp: string;
  readonly flags: Flags;
}

/**
 * Converts the set that `read` has judged, prints what was made, and gives the exit code. `read`
 * calls `judge` with what is wrong, or throws UnsoundSet when nothing of the set can be taken.
 */
export async function adoptSet(
  context: ClusterContext,
  wanted: WantedAdoption,
  read: () => Promise<AdoptedSource>,
): Promise<number> {
  const { timestamp, flags } = wanted;
  const waitMs = secondsFrom(flags, 'wait', WAIT_SECONDS) * 1000;
  const result = await withStore(context, async (store) => {
    const plan = formatKey({ kind: 'plan', timestamp });
    if ((await store.head(plan)) !== undefined) throw existsAlready(store, timestamp);
    const adopted = await read().catch((error: unknown) => {
      throw error instanceof UnsoundSet ? refusal(context, wanted, error.problems) : error;
    });
    return adoptSource(context, store, adopted, waitMs);
  });
  const { source } = result.plan;
  context.output.result(
    { ...summaryOf(result), source },
    [...sourceLines(source), backupText(result, context.output.screen)].join('\n'),
  );
  if (context.signal.aborted) return 130;
  return result.status === 'complete' ? 0 : 3;
}

/** Notes what is wrong, and refuses the set, unless `--partial` takes the rest of it. */
export function judge(
  context: ClusterContext,
  wanted: WantedAdoption,
  problems: readonly SetProblem[],
): void {
  if (problems.length === 0) return;
  if (wanted.flags['partial'] !== true) throw refusal(context, wanted, problems);
  noteProblems(context, problems, 'these files of the set are not sound:');
}

function refusal(
  context: ClusterContext,
  { tool, timestamp }: WantedAdoption,
  problems: readonly SetProblem[],
): StowageError {
  const [first, ...more] = problems;
  if (more.length > 0) noteProblems(context, problems, `set ${timestamp} of ${tool} is not sound:`);
  const others = more.length === 0 ? '' : ` (and ${plural(more.length, 'more reason')}, above)`;
  return new StowageError(
    'adopt/unsound',
    printable(
      `set ${timestamp} of ${tool} is not sound: ${first?.file}: ${first?.message}${others}`,
    ),
    { where: { set: timestamp, ...(first?.content !== undefined && { content: first.content }) } },
  );
}

/** Says what is wrong, before the set is stored or refused. */
export function noteProblems(
  { output }: ClusterContext,
  problems: readonly SetProblem[],
  title: string,
): void {
  const lines = problems.map(({ file, message }) => printable(`  ${file}: ${message}`));
  output.note('unsound', { problems }, [title, ...lines].join('\n'));
}

export function timestampOf(flags: Flags): string {
  const given = Timestamp.safeParse(flags['timestamp']);
  if (given.success) return given.data;
  throw wrongFlag(
    'timestamp',
    'adopt needs --timestamp with the 14 digits of the set: YYYYMMDDHHMMSS',
  );
}

export const wrongFlag = (field: string, message: string) =>
  new StowageError('usage/flag', message, { where: { field } });
