import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { BackupOrder } from '../../../backup-set/documents/agents.ts';
import { RestoreKeys } from '../../../backup-set/documents/keys/agent-keys.ts';
import { agentRecipient, wrapRestoreKeys, wrapSealing } from '../../../encryption/agent-keys.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { type TestKeys, testKeys } from '../../../test/support/e2e/encryption.ts';
import { AgentConfig } from '../config.ts';
import { restoreKeysFor, sealingFor } from './own-keys.ts';

const TIMESTAMP = '20260131120000';
const RESTORE = '20260131120000000-0123abcd';
const KEY = Buffer.alloc(32, 7).toString('base64');
const { signal } = new AbortController();

let folder = '';
let [own, other]: TestKeys[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-agent-keys-'));
  [own, other] = [await testKeys(folder), await testKeys(folder)];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function agentOf(keys: TestKeys | undefined) {
  const encryption = keys && { encryption: { identityFile: keys.identityFile } };
  const contents = [{ content: 0, host: 'db0' }];
  const config = AgentConfig.parse({ root: `file://${folder}/root`, contents, ...encryption });
  return { config, store: openDirectory(join(folder, 'root')) };
}

const orderOf = (sealing?: string): BackupOrder => ({
  format: sealing === undefined ? 'stowage/backup-order' : 'stowage/sealed-backup-order',
  version: FORMAT_VERSION,
  timestamp: TIMESTAMP,
  content: 0,
  host: 'db0',
  port: 5432,
  database: 'shop',
  attempt: 1,
  encoding: 'UTF8',
  frameBytes: 1024,
  packBytes: 1024,
  level: 1,
  metadata: [],
  collect: false,
  relations: [],
  overdueAfterSeconds: 60,
  ...(sealing !== undefined && { sealing }),
});

const refused = { code: 'encryption/no-key' };

test('an agent opens the keys of an order that was made for it', async () => {
  const { config, store } = agentOf(own);
  const wanted = { timestamp: TIMESTAMP, root: store.url, content: 0, key: KEY };
  const sealing = await wrapSealing(own?.recipient ?? '', wanted);
  const opened = await sealingFor({ config, store }, orderOf(sealing));
  expect(Buffer.from(opened?.key ?? []).toString('base64')).toBe(KEY);
});

test('an agent refuses the keys of another set, root, content or agent', async () => {
  const { config, store } = agentOf(own);
  const wanted = { timestamp: TIMESTAMP, root: store.url, content: 0, key: KEY };
  for (const moved of [{ timestamp: '20260131120001' }, { root: 's3://other' }, { content: 1 }]) {
    const sealing = await wrapSealing(own?.recipient ?? '', { ...wanted, ...moved });
    const refusal = sealingFor({ config, store }, orderOf(sealing));
    await expect(refusal, JSON.stringify(moved)).rejects.toMatchObject(refused);
  }
  const foreign = await wrapSealing(other?.recipient ?? '', wanted);
  await expect(sealingFor({ config, store }, orderOf(foreign))).rejects.toMatchObject(refused);
  await expect(sealingFor(agentOf(undefined), orderOf(foreign))).rejects.toThrow('no identity');
});

test('an agent with an identity stores no rows in clear, and one without ships plain sets', async () => {
  await expect(sealingFor(agentOf(own), orderOf())).rejects.toMatchObject(refused);
  expect(await sealingFor(agentOf(undefined), orderOf())).toBeUndefined();
});

test('an agent that cannot encrypt cannot take an encrypted order for a plain one', () => {
  const plain = orderOf();
  expect(BackupOrder.safeParse(plain).success).toBe(true);
  expect(BackupOrder.safeParse({ ...plain, sealing: 'wrapped' }).success).toBe(false);
  expect(BackupOrder.safeParse({ ...plain, format: orderOf('wrapped').format }).success).toBe(
    false,
  );
});

test('an agent reads the keys of a restore, and refuses those of another restore', async () => {
  const agent = agentOf(own);
  const keys = [{ timestamp: TIMESTAMP, content: 0, key: KEY }];
  const store = async (restore: string, wrappedFor: string) => {
    const orders = [{ phase: 'verify' as const, sha256: '0'.repeat(64) }];
    const wrapped = { id: wrappedFor, root: agent.store.url, content: 0, keys, orders };
    const bytes = encode(RestoreKeys, {
      format: 'stowage/restore-keys',
      version: FORMAT_VERSION,
      id: restore,
      content: 0,
      age: await wrapRestoreKeys(own?.recipient ?? '', wrapped),
    });
    await agent.store.create(formatKey({ kind: 'restore-keys', restore, content: 0 }), bytes);
  };
  const replayed = RESTORE.replace('0123', '4567');
  await store(RESTORE, RESTORE);
  await store(replayed, RESTORE);
  const found = await restoreKeysFor(agent, { restore: RESTORE, content: 0 }, undefined, signal);
  const file = { kind: 'metadata', content: 0, attempt: 1, file: 'schema.dump' } as const;
  const key = found?.keys.of(formatKey({ ...file, timestamp: TIMESTAMP }));
  expect(key?.toString('base64')).toBe(KEY);
  expect([...(found?.orders ?? [])]).toEqual([['verify', '0'.repeat(64)]]);
  const other = restoreKeysFor(agent, { restore: replayed, content: 0 }, undefined, signal);
  await expect(other).rejects.toMatchObject(refused);
  expect(
    await restoreKeysFor(agent, { restore: RESTORE, content: 1 }, undefined, signal),
  ).toBeUndefined();
});

test('an agent refuses the keys of a command that names no digests of its orders', async () => {
  const agent = agentOf(own);
  const restore = RESTORE.replace('0123', '89ab');
  const wrapped = { id: restore, root: agent.store.url, content: 0, keys: [] };
  const bytes = encode(RestoreKeys, {
    ...{ format: 'stowage/restore-keys', version: FORMAT_VERSION, id: restore, content: 0 },
    age: await wrapRestoreKeys(own?.recipient ?? '', wrapped),
  });
  await agent.store.create(formatKey({ kind: 'restore-keys', restore, content: 0 }), bytes);
  const refusal = restoreKeysFor(agent, { restore, content: 0 }, undefined, signal);
  await expect(refusal).rejects.toThrow('the command is of an earlier version than this agent');
});

test('the recipient of an agent is found by content before host, and a missing one is named', () => {
  const agents = { '0': 'of content 0', db0: 'of db0' };
  expect(agentRecipient({ agents }, { content: 0, host: 'db0' })).toBe('of content 0');
  expect(agentRecipient({ agents }, { content: 1, host: 'db0' })).toBe('of db0');
  expect(() => agentRecipient({ agents }, { content: 1, host: 'db1' })).toThrow(/content 1/);
});
