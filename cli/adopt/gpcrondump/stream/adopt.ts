import { onAbort } from '../../../../async/abort.ts';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { formatKey } from '../../../../backup-set/base/keys.ts';
import { plural } from '../../../../backup-set/base/words.ts';
import { blockMemoryProblem } from '../../../../segment-shipper/backup/block-memory.ts';
import type { ObjectStore } from '../../../../storage/store.ts';
import type { BackupResult } from '../../../backup/coordinate.ts';
import type { Invocation } from '../../../command.ts';
import type { ClusterContext } from '../../../context.ts';
import { numberFrom } from '../../../flags.ts';
import { withStore } from '../../../open.ts';
import { noteProblems, timestampOf, WAIT_SECONDS, wrongFlag } from '../../adopt-set.ts';
import { sealStream } from '../../convert/adopt-stream.ts';
import { existsAlready } from '../../convert/plan.ts';
import { withPlaces } from '../../files/open-places.ts';
import type { SourceFiles } from '../../files/source-files.ts';
import { printSets } from '../../print-sets.ts';
import type { SetProblem } from '../../set-problem.ts';
import type { FoundFile } from '../find-files.ts';
import type { Fifo } from './fifo.ts';
import { closeFifos, makeFifos, watchFifos } from './fifos.ts';
import { judgeStream } from './judge.ts';
import { type ListedSet, readLists } from './lists.ts';
import { receive } from './receive.ts';
import { placesOf, smallFiles } from './small-files.ts';
import { otherWriter, startWriter, type Writer } from './writer.ts';

export const IDLE_SECONDS = 1800;
const GRACE_MS_MAX = 10_000;
const SETTLE_MS_MAX = 30_000;

interface StreamRun {
  readonly context: ClusterContext;
  readonly store: ObjectStore;
  readonly listed: ListedSet;
  /** The command of gpcrondump; undefined: the user starts it. */
  readonly command: string | undefined;
  readonly idleMs: number;
  readonly waitMs: number;
}

/** `stowage adopt gpcrondump --stream`. */
export async function adoptStreamed({
  flags,
  positional: [, ...places],
  context,
}: Invocation<ClusterContext>): Promise<number> {
  const timestamp = timestampOf(flags);
  const prefix = typeof flags['prefix'] === 'string' ? flags['prefix'] : undefined;
  const command = typeof flags['run'] === 'string' ? flags['run'] : undefined;
  if (command?.includes('--incremental') === true)
    throw wrongFlag(
      'run',
      'an increment cannot be streamed: the rest of its rows is in older sets',
    );
  if (flags['partial'] === true)
    throw wrongFlag('partial', '--stream stores what is sound anyway: leave --partial out');
  const idleMs = numberFrom(flags, 'idle', IDLE_SECONDS) * 1000;
  const waitMs = numberFrom(flags, 'wait', WAIT_SECONDS) * 1000;
  const result = await withStore(context, async (store) => {
    const plan = formatKey({ kind: 'plan', timestamp });
    if ((await store.head(plan)) !== undefined) throw existsAlready(store, timestamp);
    const listed = await readLists(context, places, { timestamp, prefix });
    refuseMemory(context, listed);
    return streamSet({ context, store, listed, command, idleMs, waitMs });
  });
  return printSets(context, [result]);
}

/** Before gp_dump has started. All segments are read at once. */
function refuseMemory({ config }: ClusterContext, { dumps }: ListedSet): void {
  const segments = dumps.filter(({ content }) => content >= 0).length;
  const problem = blockMemoryProblem(segments, config.backup.frameBytes);
  if (problem !== undefined)
    throw new StowageError('config/invalid', problem, { where: { field: 'backup.frameBytes' } });
}

async function streamSet(run: StreamRun): Promise<BackupResult> {
  const { context, store, listed, waitMs } = run;
  const fifos = await makeFifos(context, listed.dumps);
  try {
    const places = placesOf([...listed.dumps, ...listed.regularFiles]);
    return await withPlaces(context, places, async (opened) => {
      const { received, problems } = await receiveAll(run, fifos, opened);
      const small = context.signal.aborted ? [] : await smallFiles(opened, listed, context.signal);
      const judged = await judgeStream(context, {
        listed,
        files: [...small, ...fifos.map((fifo) => foundFifo(fifo, opened))],
        received,
        problems,
        isEndKnown: run.command !== undefined,
      });
      if (judged.problems.length > 0)
        noteProblems(context, judged.problems, `set ${listed.timestamp} is not sound:`);
      return sealStream(context, store, judged.source, received.stored, waitMs);
    });
  } finally {
    await closeFifos(fifos);
  }
}

/** Receives all dumps, and waits for the end of gpcrondump. The FIFOs are gone then. */
async function receiveAll(run: StreamRun, fifos: readonly Fifo[], places: readonly SourceFiles[]) {
  const { context, store, listed, idleMs } = run;
  const { signal } = context;
  noteReady(run, fifos);
  const writer = writerOf(run, places);
  using _abort = onAbort(signal, () => {
    for (const fifo of fifos) fifo.giveUp('it was interrupted');
  });
  try {
    const bounds = { idleMs, graceMs: Math.min(GRACE_MS_MAX, idleMs) };
    using _watch = watchFifos(fifos, writer.hasEnded, bounds);
    const received = await receive(context, store, listed.timestamp, fifos);
    const problems: SetProblem[] = [];
    const why = signal.aborted ? 'it was interrupted' : await endOf(writer, signal);
    if (why !== undefined) problems.push({ file: 'gpcrondump', message: why });
    return { received, problems };
  } finally {
    await writer.stop();
    await closeFifos(fifos);
  }
}

/** The seal must be written also when this is interrupted or cannot be seen. */
async function endOf(writer: Writer, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await writer.ended();
  } catch (error) {
    if (signal.aborted) return 'it was interrupted';
    return `its end cannot be seen: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function writerOf({ context, listed, command, idleMs }: StreamRun, places: readonly SourceFiles[]) {
  const { signal } = context;
  if (command !== undefined) return startWriter(command, idleMs, signal);
  return otherWriter(
    {
      list: () => smallFiles(places, listed, signal),
      listed: listed.regularFiles.map(({ name }) => name),
      settleMs: Math.min(SETTLE_MS_MAX, idleMs / 4),
    },
    idleMs,
    signal,
  );
}

function noteReady({ context, listed, command }: StreamRun, fifos: readonly Fifo[]): void {
  const { timestamp } = listed;
  const next =
    command === undefined
      ? `start gpcrondump -K ${timestamp} with the options of the list now`
      : `starting: ${command}`;
  context.output.note(
    'ready',
    { timestamp, fifos: fifos.map(({ host, path }) => ({ host, path })) },
    `${plural(fifos.length, 'FIFO')} of set ${timestamp} ready; ${next}`,
  );
}

/** A dump that has come through a FIFO, among the files of the set. */
function foundFifo({ host, path, name, file }: Fifo, [from]: readonly SourceFiles[]): FoundFile {
  if (from === undefined) throw new Error('no place was opened');
  return { ...file, path: `${host}:${path}`, name, placed: { name, bytes: 0, from } };
}
