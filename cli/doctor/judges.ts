import { messageOf } from '../../backup-set/base/errors.ts';
import type { Deps } from '../../functions/deps.ts';
import { functionsOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { haveFunctionsAnswered } from '../functions-seen.ts';
import { withStore } from '../open.ts';
import { functionDeps } from '../wait-for-functions.ts';
import type { Check } from './check.ts';
import { checkSealedVerdicts } from './sealed-verdicts.ts';

const of = 'functions';

/** Whether sealed sets get verdicts, and with `functions: events` whether functions answer. */
export async function checkJudges(context: ClusterContext): Promise<Check[]> {
  try {
    return await withStore(context, async (store) => {
      const deps = functionDeps(context, store);
      return [
        await checkSealedVerdicts(deps),
        ...(functionsOf(context.config) === 'events' ? [await checkAnswered(context, deps)] : []),
      ];
    });
  } catch (error) {
    context.signal.throwIfAborted();
    // The checks of the store say what is wrong with it.
    const detail = `not checked: ${messageOf(error)}`;
    return [{ of, name: 'sealed sets have verdicts', ok: true, remark: true, detail }];
  }
}

/** Never a failure: a server that was started a moment ago has had no work yet. */
async function checkAnswered({ config }: ClusterContext, deps: Deps): Promise<Check> {
  const name = 'functions have answered';
  if (await haveFunctionsAnswered(deps))
    return { of, name, ok: true, detail: 'the newest sets or restores show their work' };
  const then =
    config.functions === 'events'
      ? 'a backup waits for them (--wait), and ends without a verdict'
      : 'a backup waits a moment for them, then runs them itself';
  const detail = `no function has written to ${deps.store.url} yet: ${then}. Run \`stowage serve\` or deploy functions; \`stowage doctor --deployment\` tests them`;
  return { of, name, ok: true, remark: true, detail };
}
