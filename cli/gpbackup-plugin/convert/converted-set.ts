import { StowageError } from '../../../backup-set/base/errors.ts';
import { dateOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { describeSet, readSetDocument } from '../../../functions/sets/status.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { WAIT_SECONDS } from '../../adopt/adopt-set.ts';
import { adoptSource } from '../../adopt/convert/adopt-source.ts';
import { asSource } from '../../adopt/gpbackup/as-source.ts';
import { readSet } from '../../adopt/gpbackup/read-set.ts';
import { type SetProblem, UnsoundSet } from '../../adopt/set-problem.ts';
import { encryptsBackups } from '../../backup/keys/backup-keys.ts';
import type { ClusterContext } from '../../context.ts';
import { provenKeys, requireEncrypted } from '../../keys/proven-keys.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { openingSets } from './older-keys.ts';
import { filesInSets, filesOfSets } from './set-files.ts';

/** Seconds behind that of the set in which its conversion may lie. */
const SECONDS_MAX = 60;

/**
 * The timestamp of the set with the rows of a set that consists of files of gpbackup. Converts it
 * when that was not done before.
 * @throws StowageError `encryption/plain-set`, `adopt/unsound`, `set/incomplete`, `set/damaged`;
 * `restore/refused` unless `mayConvert`.
 */
export async function convertedSet(
  context: ClusterContext,
  store: ObjectStore,
  manifest: Manifest,
  mayConvert: boolean,
): Promise<string> {
  requireEncrypted(context, manifest);
  requireRecipients(context, manifest);
  const deps = functionDeps(context, store);
  const { timestamp, needs } = manifest;
  const { converted, free } = await findConverted(context, store, timestamp);
  const { output, signal } = context;
  if (converted !== undefined) {
    output.note(
      'converted',
      { timestamp, converted },
      `set ${timestamp} consists of files of gpbackup: its rows are in set ${converted}, which was made from it`,
    );
    return converted;
  }
  if (!mayConvert)
    throw new StowageError(
      'restore/refused',
      `set ${timestamp} consists of files of gpbackup: a restore converts it first, and a dry run does not`,
      { where: { set: timestamp } },
    );
  output.note(
    'converting',
    { timestamp, converted: free },
    `set ${timestamp} consists of files of gpbackup: converting it into set ${free}, which is kept`,
  );
  const open = openingSets((one) => provenKeys(context, deps, one));
  const files = await filesInSets(deps, [timestamp, ...needs], open);
  const places = [filesOfSets(store, files)];
  const set = await readSet(places, timestamp, signal).catch((error: unknown) => {
    throw error instanceof UnsoundSet ? unsound(timestamp, error.problems) : error;
  });
  if (set.problems.length > 0) throw unsound(timestamp, set.problems);
  const source = { ...(await asSource(set)), timestamp: free };
  const { status } = await adoptSource(context, store, source, WAIT_SECONDS * 1000);
  if (status === 'complete') return free;
  throw new StowageError(
    'set/incomplete',
    `set ${free}, which was made from the files of set ${timestamp}, is ${status}`,
    { where: { set: free } },
  );
}

/** Rows of an encrypted set must not be stored in clear. */
function requireRecipients({ config }: ClusterContext, { timestamp, encryption }: Manifest): void {
  if (encryption === undefined || encryptsBackups(config)) return;
  throw new StowageError(
    'config/missing',
    `set ${timestamp} is encrypted, and the configuration has no encryption.recipients: its conversion would store the rows in clear`,
    { where: { set: timestamp, field: 'encryption.recipients' } },
  );
}

/** Its plan names the set that it was made from. */
async function findConverted(context: ClusterContext, store: ObjectStore, timestamp: string) {
  const deps = functionDeps(context, store);
  for (let second = 1; second <= SECONDS_MAX; second++) {
    const at = timestampOf(new Date(dateOf(timestamp).getTime() + second * 1000));
    const { exists, document } = await readSetDocument(deps, at, 'plan', Plan);
    if (!exists) return { converted: undefined, free: at };
    if (document?.source?.tool !== 'gpbackup' || document.source.timestamp !== timestamp) continue;
    const described = await describeSet(deps, at);
    if (described?.status === 'complete' && described.retention?.state !== 'expired')
      return { converted: at, free: at };
  }
  throw new StowageError(
    'adopt/exists',
    `set ${timestamp} cannot be converted: the ${SECONDS_MAX} seconds behind it all have sets`,
    { where: { set: timestamp } },
  );
}

function unsound(timestamp: string, problems: readonly SetProblem[]): StowageError {
  const [first, ...more] = problems;
  const others = more.length === 0 ? '' : ` (and ${plural(more.length, 'more reason')})`;
  return new StowageError(
    'adopt/unsound',
    `set ${timestamp} cannot be converted: ${first?.file}: ${first?.message}${others}`,
    { where: { set: timestamp } },
  );
}
