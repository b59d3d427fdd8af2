import { encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { SetKeyDocument } from '../../../backup-set/documents/keys/set-key.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import { withMacs } from '../../../cli/backup/documents/seal.ts';
import { makeSetKey } from '../../../encryption/set-key.ts';
import type { GpbackupHosts } from './gpbackup-hosts.ts';
import { FIXTURE_TIMESTAMP } from './gpbackup-replay.ts';

/**
 * Stores the documents of an encrypted increment of the stored backup, without files of its own.
 * @param names the keys of its older set; absent: as the backup has them.
 */
export async function storeIncrement(
  hosts: GpbackupHosts,
  timestamp: string,
  names: { readonly keyId?: string; readonly hostKeys?: readonly string[] } = {},
): Promise<void> {
  const { strict, keys } = hosts;
  const read = (name: string) => {
    const { key, object } = hosts.stored(`/${name}.json`);
    return { key, object, value: JSON.parse(object.body.toString()) as unknown };
  };
  const put = (place: string, body: Uint8Array) => {
    const { object } = read('plan');
    strict.objects.set(place, { ...object, body: Buffer.from(body) });
  };
  const [plan, seal, manifest] = ['plan', 'seal', 'manifest'].map(read);
  if (plan === undefined || seal === undefined || manifest === undefined) throw new Error('no set');
  const full = Plan.parse(plan.value);
  const wrappedAt = new Date();
  const { root } = full;
  const own = await makeSetKey(
    { recipients: [keys.recipient] },
    { timestamp, root },
    { wrappedAt },
  );
  const { keyId = '', hostKeys = [] } = { ...full.encryption, ...names };
  const older = [{ timestamp: FIXTURE_TIMESTAMP, keyId }];
  const encryption = { ...full.encryption, keyId: own.document.keyId, older };
  const planBytes = encode(Plan, { ...full, timestamp, encryption });
  const { coordinatorMac: _, mac: __, ...plain } = Seal.parse(seal.value);
  const sealed = withMacs(
    {
      ...{ ...plain, timestamp, planSha256: sha256(planBytes) },
      older: [{ timestamp: FIXTURE_TIMESTAMP, hostKeys: [...hostKeys] }],
    },
    { setKey: own.key, digestKey: undefined },
  );
  const at = (key: string) => key.replace(FIXTURE_TIMESTAMP, timestamp);
  put(at(plan.key), planBytes);
  put(at(seal.key), encode(Seal, sealed));
  const whole = { ...Manifest.parse(manifest.value), timestamp, encryption };
  put(at(manifest.key), encode(Manifest, whole));
  const keyOfSet = formatKey({ kind: 'set-key', timestamp, instant: instantOf(wrappedAt) });
  const bucket = plan.key.slice(0, plan.key.indexOf('sets/'));
  put(`${bucket}${keyOfSet}`, encode(SetKeyDocument, own.document));
}
