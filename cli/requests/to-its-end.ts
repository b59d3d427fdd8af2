import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { AskedEnd, AskedRestore } from '../../backup-set/documents/restore/asked.ts';
import { Outcome } from '../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../../functions/deps.ts';
import { endRequest } from '../../functions/requests/requests.ts';
import { tryRead } from '../../functions/stored/try-read.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { placeWords } from './text.ts';

/** The end is written also after Ctrl-C. */
const END_MS_MAX = 10_000;

/** Runs a restore, and says in the bucket how it ended. */
export async function toItsEnd(
  context: ClusterContext,
  store: ObjectStore,
  { asked, token }: { readonly asked: AskedRestore; readonly token: string },
  run: () => Promise<number>,
): Promise<number> {
  const { id } = asked;
  // Its own time: the restore can have been interrupted.
  const deps = () => ({
    ...functionDeps(context, store),
    signal: AbortSignal.timeout(END_MS_MAX),
  });
  // Never throws: what the restore says counts, not that its end could not be recorded.
  const sayEnd = async (end: Pick<AskedEnd, 'exitCode' | 'code' | 'message'>) => {
    const unrecorded = (why: string) => {
      const text = `the end of request ${id} could not be recorded: ${why}`;
      context.output.note('request-end', { id, message: why }, printable(text));
    };
    try {
      const status = await statusOf(deps(), id, end.exitCode);
      if (await endRequest(deps(), { asked, token }, { status, ...end })) return;
      const key = formatKey({ kind: 'asked-restore-end', restore: id });
      unrecorded(`${key} exists already, and this command has not written it`);
    } catch (error) {
      unrecorded(messageOf(error));
    }
  };
  let exitCode: number;
  try {
    exitCode = await run();
  } catch (error) {
    const code = isStowageError(error) ? error.code : 'internal';
    const message = messageOf(error).slice(0, MESSAGE_CHARS_MAX).toWellFormed();
    await sayEnd({ code, message });
    noteOwnFile(context, asked);
    throw error;
  }
  await sayEnd({ exitCode });
  if (exitCode !== 0) noteOwnFile(context, asked);
  return exitCode;
}

const MESSAGE_CHARS_MAX = 1000;

/** As the outcome says. Without a request of the restore, the target was not changed. */
async function statusOf(
  deps: Deps,
  restore: string,
  exitCode: number | undefined,
): Promise<AskedEnd['status']> {
  const outcome = await tryRead(deps, formatKey({ kind: 'outcome', restore }), Outcome);
  if (outcome !== undefined) return outcome.status;
  if (exitCode === 0) return 'restored';
  const request = formatKey({ kind: 'restore-request', restore });
  const isBegun = (await deps.store.head(request, { signal: deps.signal })) !== undefined;
  return isBegun ? 'failed' : 'refused';
}

/** The restore prints what continues it, and does not know that no flag named its file. */
function noteOwnFile(context: ClusterContext, asked: AskedRestore): void {
  const words = placeWords(context, asked);
  if (words === '') return;
  const text = `the target of this request has a file of its own: continue its restore with${words}`;
  context.output.note('request-target', { id: asked.id, flag: words.trim() }, printable(text));
}
