import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { WAIT_SECONDS } from '../../adopt/adopt-set.ts';
import { adoptSource } from '../../adopt/convert/adopt-source.ts';
import { asSource } from '../../adopt/gpbackup/as-source.ts';
import { readSet } from '../../adopt/gpbackup/read-set.ts';
import { type SetProblem, UnsoundSet } from '../../adopt/set-problem.ts';
import { encryptsBackups } from '../../backup/keys/backup-keys.ts';
import type { ClusterContext } from '../../context.ts';
import { provenKeys, requireEncrypted } from '../../keys/proven-keys.ts';
import { printable } from '../../output/format.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { conversionFault } from './conversion-proof.ts';
import { findConverted } from './find-converted.ts';
import { openingSets } from './older-keys.ts';
import { filesInSets, filesOfSets } from './set-files.ts';

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
  const { timestamp } = manifest;
  const { output, signal } = context;
  const { converted, free } = await findConverted(deps, timestamp, {
    faultOf: once(() => conversionFault(context, deps, manifest)),
    onUnproven: (other, reason) => noteUnproven(context, timestamp, other, reason),
  });
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
  let originalKey: Buffer | undefined;
  const open = openingSets(async (one) => {
    const keys = await provenKeys(context, deps, one);
    if (one.timestamp === timestamp) originalKey = keys?.setKey;
    return keys;
  });
  const files = await filesInSets(deps, manifest, open);
  const places = [filesOfSets(store, files)];
  const set = await readSet(places, timestamp, signal).catch((error: unknown) => {
    throw error instanceof UnsoundSet ? unsound(timestamp, error.problems) : error;
  });
  if (set.problems.length > 0) throw unsound(timestamp, set.problems);
  const source = { ...(await asSource(set)), timestamp: free, originalKey };
  const { status } = await adoptSource(context, store, source, WAIT_SECONDS * 1000);
  if (status === 'complete') return free;
  throw new StowageError(
    'set/incomplete',
    `set ${free}, which was made from the files of set ${timestamp}, is ${status}`,
    { where: { set: free } },
  );
}

function noteUnproven(
  { output }: ClusterContext,
  timestamp: string,
  converted: string,
  reason: string,
): void {
  output.note(
    'conversion-unproven',
    { timestamp, converted, reason },
    printable(
      `set ${converted} says that it was made from set ${timestamp}, and nothing proves it: ${reason}. It is not used. Find out which program has written it`,
    ),
  );
}

/** Keys are read for the first candidate: most sets have none. */
function once<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let asked: Promise<Value> | undefined;
  return () => (asked ??= ask());
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

function unsound(timestamp: string, problems: readonly SetProblem[]): StowageError {
  const [first, ...more] = problems;
  const others = more.length === 0 ? '' : ` (and ${plural(more.length, 'more reason')})`;
  return new StowageError(
    'adopt/unsound',
    `set ${timestamp} cannot be converted: ${first?.file}: ${first?.message}${others}`,
    { where: { set: timestamp } },
  );
}
