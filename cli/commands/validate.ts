import type { Verdict } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import { requireSet } from '../../functions/sets/status.ts';
import type { ClusterCommand } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { IDENTITY_FLAG, numberFrom, secondsFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { bytes } from '../output/format.ts';
import { depthOf, problemLines, warningLines } from '../output/problems.ts';
import { showVerifyProgress } from '../output/verify-progress.ts';
import { findSet, SET_DETAILS, setNameFrom } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';

const OBJECTS_AT_ONCE = 4;
/** The time in which a thousand functions read a petabyte at 80 MB/s each. */
const WAIT_SECONDS = 4 * 3600;

export const validateCommand: ClusterCommand = {
  usage: 'validate <set>',
  summary:
    'check a set without reading its data: the documents agree, and every object exists with its size and ETag',
  details: SET_DETAILS,
  flags: [],
  cluster: () => ({}),
  async run({ positional, context }) {
    const name = setNameFrom(positional);
    return withStore(context, async (store) => {
      const timestamp = await findSet(context, store, name);
      const deps = functionDeps(context, store);
      await requireSet(deps, timestamp);
      const { validate } = await import('../../functions/handlers/validate.ts');
      const { verdict } = await validate(deps, timestamp);
      return printVerdict(context, verdict);
    });
  },
};

export const verifyCommand: ClusterCommand = {
  usage: 'verify <set>',
  summary: 'check a set by reading all its data: compare checksums, decompress, count rows',
  details: `${SET_DETAILS}
Of an encrypted set it decrypts every frame and proves the seal, when an identity is named. Without one it compares checksums only, and the verdict says so.`,
  flags: [
    ['--concurrency <n>', `how many objects are read at once (default ${OBJECTS_AT_ONCE})`],
    ['--remote', 'run the check in the deployed functions, and wait for the verdict'],
    ['--wait <seconds>', `with --remote: how long to wait (default ${WAIT_SECONDS})`],
    IDENTITY_FLAG,
  ],
  lists: [IDENTITY_FLAG[0]],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const name = setNameFrom(positional);
    const concurrency = numberFrom(flags, 'concurrency', OBJECTS_AT_ONCE);
    return withStore(context, async (store) => {
      const timestamp = await findSet(context, store, name);
      const deps = functionDeps(context, store);
      await requireSet(deps, timestamp);
      if (flags['remote'] === true) {
        const waitMs = secondsFrom(flags, 'wait', WAIT_SECONDS) * 1000;
        const { verifyRemotely } = await import('../verify-remote.ts');
        return printVerdict(context, await verifyRemotely(context, deps, timestamp, waitMs));
      }
      const { verifySet } = await import('../../functions/check/verify-set.ts');
      const { keysToVerify } = await import('../keys/keys-to-verify.ts');
      const keyed = await keysToVerify(context, deps, timestamp);
      const progress = showVerifyProgress(context);
      try {
        const { verdict } = await verifySet(deps, timestamp, {
          concurrency: Math.max(1, concurrency),
          onProgress: progress.update,
          ...keyed,
        });
        return printVerdict(context, verdict);
      } finally {
        progress.stop();
      }
    });
  },
};

function printVerdict({ output }: ClusterContext, verdict: Verdict): number {
  const { status, timestamp, level, checked, problems, problemsTotal } = verdict;
  const done = level === 'verify' ? 'read' : 'checked';
  output.result(
    verdict,
    [
      ...problemLines(problems, problemsTotal),
      ...warningLines(verdict),
      `set ${timestamp} is ${status}: ${done} ${plural(checked.objects, 'object')} (${bytes(checked.bytes)})${depthOf(verdict)}${problemsTotal > 0 ? `; ${plural(problemsTotal, 'problem')}` : ''}`,
    ].join('\n'),
  );
  return status === 'complete' ? 0 : 3;
}
