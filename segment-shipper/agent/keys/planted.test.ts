import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encode, FORMAT_VERSION, RECEIPT_BYTES_MAX } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { idleAgent } from '../../../test/support/signed/idle-agent.ts';
import { testSigningKey } from '../../../test/support/signed/signing.ts';
import { AgentConfig } from '../config.ts';
import type { Agent } from '../orders.ts';
import { pollRestores } from '../poll-restores.ts';
import { pollSets } from '../poll-sets.ts';

const SERVER = { content: 0, host: '127.0.0.1', port: 1 };
const NOW = new Date('2026-01-10T12:00:00Z');
const [FIRST, SECOND] = ['20260110000001', '20260110000002'];
const RESTORES = ['20260110000001000-0123abcd', '20260110000002000-0123abcd'] as const;
const backupOrder = (timestamp: string) =>
  formatKey({ kind: 'backup-order', timestamp, content: 0 });
const restoreOrder = (restore: string) =>
  formatKey({ kind: 'order', restore, phase: 'pre-data', content: 0 });
const requestKey = (restore: string) => formatKey({ kind: 'restore-request', restore });

let folder = '';
let agent: Agent;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-planted-'));
  const { key } = await testSigningKey(folder);
  const root = join(folder, 'root');
  const signedBy = [key.publicKey];
  const config = AgentConfig.parse({ root: `file://${root}`, contents: [SERVER], signedBy });
  agent = idleAgent(config, openDirectory(root), NOW);
});
afterEach(async () => {
  await Promise.all([...agent.orders.values()].map(({ ended }) => ended));
  await rm(folder, { recursive: true, force: true });
});

const plant = (key: string, text: string) => agent.store.create(key, Buffer.from(text));
const states = () =>
  Object.fromEntries(
    [...agent.orders].map(([key, { failure, state }]) => [key, failure?.code ?? state]),
  );
const answered = () => Promise.all([...agent.orders.values()].map(({ ended }) => ended));

/** Names the agent. Its rest is none. */
const address = (timestamp: string) =>
  JSON.stringify({
    ...{ format: 'stowage/backup-order', version: FORMAT_VERSION, timestamp, ...SERVER },
    ...{ attempt: 1, relations: [1, 2, 3] },
  });
const request = (id: string) =>
  Buffer.from(
    encode(RestoreRequest, {
      ...{ format: 'stowage/restore-request', version: FORMAT_VERSION, id },
      ...{ requestedAt: NOW.toISOString(), timestamp: FIRST },
      target: { flavour: 'shards', database: 'shop', contents: [SERVER] },
      ...{ selection: EVERYTHING, mode: 'create', verify: false, globals: false, noOwner: false },
      ...{ resize: false, agents: true, count: false },
    }),
  ).toString();

test('of an unsigned backup order only the address is read, and nothing of a huge one', async () => {
  await plant(backupOrder(FIRST), address(FIRST));
  await plant(backupOrder(SECOND), address(SECOND).padEnd(RECEIPT_BYTES_MAX + 1));
  await pollSets(agent, new Set(), new Map());
  await answered();
  expect(states()).toEqual({
    [backupOrder(FIRST)]: 'orders/signature',
    [backupOrder(SECOND)]: 'skipped',
  });
});

test('an unsigned request is not parsed when it is huge', async () => {
  const [small, huge] = RESTORES;
  await plant(requestKey(small), request(small));
  await plant(requestKey(huge), request(huge).padEnd(1024 * 1024 + 1));
  for (const restore of RESTORES) await plant(restoreOrder(restore), '{}');
  await pollRestores(agent, new Map());
  await answered();
  expect(states()).toEqual({ [restoreOrder(small)]: 'orders/signature' });
});

test('an object that the store does not give away keeps an agent from no other order', async () => {
  for (const timestamp of [FIRST, SECOND]) await plant(backupOrder(timestamp), address(timestamp));
  for (const restore of RESTORES) {
    await plant(requestKey(restore), request(restore));
    await plant(restoreOrder(restore), '{}');
  }
  // As S3 does when its writer has encrypted it with a key that the agent may not use.
  const denied = new Set([backupOrder(FIRST), requestKey(RESTORES[0])]);
  const { store } = agent;
  const read: typeof store.read = async (key, options) => {
    if (denied.has(key)) throw new StowageError('storage/denied', key);
    return store.read(key, options);
  };
  agent = { ...agent, store: { ...store, read } };
  await expect(pollSets(agent, new Set(), new Map())).rejects.toThrow(backupOrder(FIRST));
  await expect(pollRestores(agent, new Map())).rejects.toThrow(requestKey(RESTORES[0]));
  await answered();
  expect(states()).toEqual({
    [backupOrder(SECOND)]: 'orders/signature',
    [restoreOrder(RESTORES[1])]: 'orders/signature',
  });
});
