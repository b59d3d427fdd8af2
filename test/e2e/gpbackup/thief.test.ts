import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encode, sha256 } from '../../../backup-set/base/document.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { openingSets } from '../../../cli/gpbackup-plugin/convert/older-keys.ts';
import { filesInSets, filesOfSets } from '../../../cli/gpbackup-plugin/convert/set-files.ts';
import { keysToVerify } from '../../../cli/keys/keys-to-verify.ts';
import { provenKeys } from '../../../cli/keys/proven-keys.ts';
import { loadManifest } from '../../../cli/restore/request.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { contextOf, snapshotOf } from '../../integration/encrypted/attack.ts';
import { outcomeOf, REFUSAL } from '../../integration/encrypted/outcome.ts';
import { carryOut, someAttacks } from '../../integration/encrypted/thief.ts';
import { fileOf, keysOf } from '../../integration/functions/place.ts';
import { type GpbackupHosts, gpbackupHosts } from '../../support/adopt/gpbackup-hosts.ts';
import { FIXTURE_TIMESTAMP } from '../../support/adopt/gpbackup-replay.ts';

/** Where objects are that the attacker has made. */
const OWN = 'exports/';

let hosts: GpbackupHosts;
let folder = '';
let store: ObjectStore;
beforeAll(async () => {
  hosts = await gpbackupHosts();
  folder = await mkdtemp(join(tmpdir(), 'thief-'));
  store = await openStore({ root: pathToFileURL(folder).href });
});
afterAll(async () => {
  await hosts?.endProcesses();
  await hosts?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Stores a new encrypted backup below a prefix of a directory. */
async function backUpTo(prefix: string): Promise<void> {
  hosts.strict.reset();
  expect((await hosts.encryptedBackup()).end).toMatchObject({ code: 0 });
  await hosts.endProcesses();
  for (const [key, { body }] of hosts.strict.objects) {
    const file = fileOf(store, `${prefix}${key.slice(key.indexOf('sets/'))}`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, body);
  }
}

/** Digests of the manifest and of all files of the set, which a conversion opens with its keys. */
async function readFiles(context: ClusterContext, deps: Deps): Promise<string> {
  const manifest = await loadManifest(context, store, FIXTURE_TIMESTAMP);
  const open = openingSets((one) => provenKeys(context, deps, one));
  const files = await filesInSets(deps, manifest, open);
  const place = filesOfSets(store, files);
  const read = [sha256(encode(Manifest, manifest))];
  for (const name of files.keys()) {
    const bytes = (await place.open(name, context.signal)) as AsyncIterable<Buffer>;
    read.push(`${name} ${sha256(Buffer.concat(await Array.fromAsync(bytes)))}`);
  }
  return read.join('\n');
}

test('an encrypted set of gpbackup is read only as it was stored, whatever becomes of some objects', async () => {
  await backUpTo('');
  // Recipients are public: a thief can make the same backup with keys of its own.
  await backUpTo(OWN);
  const deps: Deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const context = contextOf(deps, hosts.keys.section());
  const putBack = await snapshotOf(deps);
  const stored = await keysOf(store, 'sets/');
  const attacks = someAttacks(stored, [...stored, ...(await keysOf(store, OWN))]);
  const written = await readFiles(context, deps);
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(attacks, async (some) => {
      try {
        for (const attack of some) await carryOut(store, attack);
        const verdict = await outcomeOf(async () => {
          const keyed = await keysToVerify(context, deps, FIXTURE_TIMESTAMP);
          const verified = await verifySet(deps, FIXTURE_TIMESTAMP, keyed);
          return `${verified.verdict.status}, decrypted: ${String(verified.verdict.decrypted)}`;
        });
        const read = await outcomeOf(() => readFiles(context, deps));
        if (read !== written) {
          refused += 1;
          expect(read).toMatch(REFUSAL);
          expect(verdict).not.toBe('complete, decrypted: true');
        }
      } finally {
        await putBack();
      }
    }),
    { numRuns: 30 },
  );
  expect(refused).toBeGreaterThan(0);
});
