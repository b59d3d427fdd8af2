import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Encryption, Plan } from '../../../backup-set/documents/plan.ts';
import type { Seal } from '../../../backup-set/documents/seal.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { BackupConfig } from '../../adopt/gpbackup/documents.ts';
import { unquoted } from '../../adopt/script/copy-statement.ts';

const PART = '("(?:[^"]|"")+"|[^".]+)';
const QUALIFIED = new RegExp(`^${PART}\\.${PART}$`, 's');
const keyOf = (schema: string, name: string) => JSON.stringify([schema, name]);

export interface OlderSets {
  /** Why an increment cannot be restored from the older sets that its restore plan names. */
  readonly failures: readonly StowageError[];
  /** Of an encrypted increment: the keys of these sets. */
  readonly keys: NonNullable<Encryption['older']>;
  /** And the keys that sealed their files. */
  readonly hostKeys: NonNullable<Seal['older']>;
}

/** @param encrypts whether the increment is encrypted: then its older sets must be, too. */
export async function olderSets(
  store: ObjectStore,
  { timestamp, database, contents, files }: Plan,
  { restoreplan, encrypts, unproven }: OlderOptions,
): Promise<OlderSets> {
  const failures: StowageError[] = [];
  const hostKeys: { timestamp: string; hostKeys: string[] }[] = [];
  const keys: { timestamp: string; keyId: string }[] = [];
  for (const older of files?.needs ?? []) {
    const manifest = await manifestOf(store, older);
    const fail = (why: string) =>
      failures.push(
        new StowageError(
          'set/incomplete',
          `the increment ${timestamp} needs files of set ${older}, ${why}`,
        ),
      );
    if (manifest === 'unreadable') {
      fail('whose manifest cannot be read');
      continue;
    }
    if (manifest?.encryption !== undefined) {
      const { keyId, hostKeys: ofHosts } = manifest.encryption;
      keys.push({ timestamp: older, keyId });
      if (ofHosts !== undefined) hostKeys.push({ timestamp: older, hostKeys: ofHosts });
    }
    const fault = manifest?.encryption && (await unproven?.(manifest));
    if (manifest === undefined) fail('which is not complete under this root');
    // The root can have another set of that second: of a native backup, or of another cluster.
    else if (manifest.files === undefined) fail('which is not a set of gpbackup');
    else if ((manifest.encryption !== undefined) !== encrypts)
      fail(`which is ${encrypts ? 'not ' : ''}encrypted: make a full backup`);
    else if (fault !== undefined) fail(`which is not proven (${fault}): make a full backup`);
    else if (manifest.database !== database) fail(`which is of database ${manifest.database}`);
    else if (manifest.contents.length !== contents.length)
      fail('which is of a cluster with another number of segments');
    else {
      const has = new Set(manifest.files.tables.map(({ schema, name }) => keyOf(schema, name)));
      const lost = restoreplan
        .filter((step) => step.timestamp === older)
        .flatMap(({ tablefqns }) => tablefqns)
        .find((table) => !has.has(keyOfQualified(table)));
      if (lost !== undefined) fail(`which has no file of table ${lost}`);
    }
  }
  return { failures, keys, hostKeys };
}

interface OlderOptions {
  readonly restoreplan: BackupConfig['restoreplan'];
  readonly encrypts: boolean;
  /** Why nothing proves an encrypted set; absent: the coordinator has no digest key. */
  readonly unproven?: ((manifest: Manifest) => Promise<string | undefined>) | undefined;
}

function keyOfQualified(table: string): string {
  const [, schema = '', name = ''] = QUALIFIED.exec(table) ?? [];
  return keyOf(unquoted(schema), unquoted(name));
}

async function manifestOf(
  store: ObjectStore,
  timestamp: string,
): Promise<Manifest | 'unreadable' | undefined> {
  const key = formatKey({ kind: 'manifest', timestamp });
  try {
    return decode(Manifest, {
      key,
      bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }),
    });
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    if (isStowageError(error, 'set/unreadable', 'storage/too-large')) return 'unreadable';
    throw error;
  }
}
