import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { testSigningKey } from '../../../test/support/signed/signing.ts';
import type { ClusterContext } from '../../context.ts';
import type { HeldKeys } from '../held.ts';
import { signingKeyFor, storeSignedRestore } from './signed-restore.ts';

const [FIRST, OTHER, UNSIGNED] = ['0', '1', '2'].map((n) => `20260131120000000-0123abc${n}`);
const REFUSED = { code: 'restore/refused' };

let folder = '';
let store: ObjectStore;
let [own, next] = [] as Awaited<ReturnType<typeof testSigningKey>>[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-signed-restore-'));
  store = openDirectory(join(folder, 'root'));
  [own, next] = [await testSigningKey(folder), await testSigningKey(folder)];
  const context = contextWith(undefined);
  for (const id of [FIRST, OTHER])
    if (own !== undefined)
      await storeSignedRestore({ context, store, request: request(id) }, own.key, [], new Map());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function contextWith(signingKeyFile: string | undefined): ClusterContext {
  const shippers = { start: 'agents', ...(signingKeyFile !== undefined && { signingKeyFile }) };
  const { signal } = new AbortController();
  return { config: { shippers }, signal, clock: () => new Date() } as unknown as ClusterContext;
}

const request = (id = ''): RestoreRequest => ({
  ...{
    format: 'stowage/restore-request',
    version: FORMAT_VERSION,
    id,
    timestamp: '20260131120000',
  },
  requestedAt: '2026-01-31T12:00:00.000Z',
  target: { flavour: 'shards', database: 'shop', contents: [{ content: 0, host: 'a', port: 1 }] },
  ...{ selection: EVERYTHING, mode: 'create', verify: false, globals: false, noOwner: false },
  ...{ resize: false, agents: true, count: false },
});

/** The key for the resume of a restore whose folder has this request. */
function resume(restore: string | undefined, found: RestoreRequest, key = own, keys?: HeldKeys) {
  const at = formatKey({ kind: 'restore-request', restore: restore ?? '' });
  const resumed = { key: at, bytes: encode(RestoreRequest, found) };
  return signingKeyFor(contextWith(key?.file), store, { resumed, keys });
}

test('a command resumes the plain restore that its own key has signed', async () => {
  expect((await resume(FIRST, request(FIRST)))?.publicKey).toBe(own?.key.publicKey);
});

test('a request that was changed, or is of another restore, is not resumed', async () => {
  await expect(resume(FIRST, { ...request(FIRST), noOwner: true })).rejects.toMatchObject(REFUSED);
  await expect(resume(FIRST, request(OTHER))).rejects.toMatchObject(REFUSED);
});

test('a request that is not signed, or by another key, is not resumed, and the message says so', async () => {
  await expect(resume(UNSIGNED, request(UNSIGNED))).rejects.toThrow('it is not signed');
  await expect(resume(FIRST, request(FIRST), next)).rejects.toThrow(
    /signed by another key.*if you have its file, resume with it/,
  );
});

test('no signature is demanded of an encrypted set, whose mac proves it, nor without a key', async () => {
  expect(await resume(UNSIGNED, request(UNSIGNED), own, {} as HeldKeys)).toBeDefined();
  expect(
    await signingKeyFor(contextWith(undefined), store, { resumed: undefined, keys: undefined }),
  ).toBeUndefined();
});
