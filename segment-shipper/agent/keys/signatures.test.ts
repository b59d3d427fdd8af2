import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decode, encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey, restorePrefix } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { BackupOrder, BackupReport, Dispatched } from '../../../backup-set/documents/agents.ts';
import { RestoreKeys, SignedRestore } from '../../../backup-set/documents/keys/agent-keys.ts';
import {
  Order,
  RestoreReceipt,
  RestoreRequest,
} from '../../../backup-set/documents/restore/restore.ts';
import { signedDocument } from '../../../encryption/signatures/signed-document.ts';
import type { SigningKey } from '../../../encryption/signatures/signing-key.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { testKeys } from '../../../test/support/e2e/encryption.ts';
import { idleAgent } from '../../../test/support/signed/idle-agent.ts';
import { testSigningKey } from '../../../test/support/signed/signing.ts';
import { AgentConfig } from '../config.ts';
import type { Agent } from '../orders.ts';
import { type KnownRestores, pollRestores } from '../poll-restores.ts';
import { pollSets } from '../poll-sets.ts';

/** Nothing listens there: an order that is obeyed fails when the agent connects. */
const SERVER = { content: 0, host: '127.0.0.1', port: 1 };
const OBEYED = 'database/unreachable';
const REFUSED = 'orders/signature';
const NOW = new Date();
const day = NOW.toISOString().slice(0, 10).replaceAll('-', '');
const SET = `${day}000001`;
const RESTORE = `${day}000001000-0123abcd`;
const REQUEST = formatKey({ kind: 'restore-request', restore: RESTORE });
const ORDER = formatKey({ kind: 'order', restore: RESTORE, phase: 'pre-data', content: 0 });
const SIGNED = formatKey({ kind: 'signed-restore', restore: RESTORE });

let folder = '';
let [own, other, older]: SigningKey[] = [];
let roots = 0;
let agent: Agent;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-signatures-'));
  const keys = await Promise.all([1, 2, 3].map(() => testSigningKey(folder)));
  [own, other, older] = keys.map(({ key }) => key);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  agent = agentOf({ signedBy: [older?.publicKey, own?.publicKey] });
});

function agentOf(more: Readonly<Record<string, unknown>>): Agent {
  const root = join(folder, `root-${++roots}`);
  const config = AgentConfig.parse({ root: `file://${root}`, contents: [SERVER], ...more });
  return idleAgent(config, openDirectory(root), NOW);
}

const sign = (key: SigningKey | undefined, at: string, document: Uint8Array, root?: string) =>
  signedDocument(key as SigningKey, { root: root ?? agent.store.url, key: at }, document);
const read = async (key: string) => ({
  key,
  bytes: await agent.store.read(key, { bytesMax: 1e6 }),
});
const answered = () => Promise.all([...agent.orders.values()].map(({ ended }) => ended));

describe('a backup order', () => {
  const key = formatKey({ kind: 'backup-order', timestamp: SET, content: 0 });
  const order = (timestamp = SET, content = 0) =>
    encode(BackupOrder, {
      ...{ format: 'stowage/backup-order', version: FORMAT_VERSION, timestamp, ...SERVER, content },
      ...{ database: 'shop', attempt: 1, encoding: 'UTF8', frameBytes: 1024, packBytes: 1024 },
      ...{
        level: 1,
        systemIdentifier: '1',
        metadata: [],
        collect: false,
        relations: [],
        overdueAfterSeconds: 60,
      },
    });

  async function failureOf(bytes: Uint8Array): Promise<string | undefined> {
    await agent.store.create(key, bytes);
    await pollSets(agent, new Set(), new Map());
    await answered();
    const report = await read(formatKey({ kind: 'backup-report', timestamp: SET, content: 0 }));
    return decode(BackupReport, report).failure?.code;
  }

  test('without a signature is obeyed by an agent that names no keys', async () => {
    agent = agentOf({});
    expect(await failureOf(order())).toBe(OBEYED);
  });

  test('of each of the keys that the agent names is obeyed, so keys can be exchanged', async () => {
    expect(await failureOf(sign(own, key, order()))).toBe(OBEYED);
    agent = agentOf({ signedBy: agent.config.signedBy });
    expect(await failureOf(sign(older, key, order()))).toBe(OBEYED);
  });

  test.each<[string, () => Uint8Array]>([
    ['has no signature', () => order()],
    ['another key has signed', () => sign(other, key, order())],
    ['was signed for another root', () => sign(own, key, order(), 's3://other')],
    [
      'was signed for another content',
      () => sign(own, formatKey({ kind: 'backup-order', timestamp: SET, content: 1 }), order()),
    ],
    [
      'was signed for another set',
      () =>
        sign(
          own,
          formatKey({ kind: 'backup-order', timestamp: `${day}000002`, content: 0 }),
          order(),
        ),
    ],
  ])('that %s is refused by name before the agent connects', async (_, planted) => {
    expect(await failureOf(planted())).toBe(REFUSED);
  });
});

test('an agent stops collecting rows only when its command has signed that all programs ran', async () => {
  const key = formatKey({ kind: 'dispatched', timestamp: SET });
  const order = formatKey({ kind: 'backup-order', timestamp: SET, content: 0 });
  const document = encode(Dispatched, {
    ...{ format: 'stowage/dispatched', version: FORMAT_VERSION, timestamp: SET },
    dispatchedAt: NOW.toISOString(),
  });
  const poll = async (make: () => Uint8Array) => {
    agent = agentOf({ signedBy: [own?.publicKey] });
    await agent.store.create(order, document);
    await agent.store.create(key, make());
    const [stop, noMorePrograms] = [new AbortController(), new AbortController()];
    const ended = Promise.resolve();
    agent.orders.set(order, { state: 'running', stop, ended, failure: undefined });
    await pollSets(agent, new Set(), new Map([[order, noMorePrograms]]));
    return [noMorePrograms.signal.aborted, stop.signal.reason?.code];
  };
  expect(await poll(() => document)).toEqual([false, REFUSED]);
  expect(await poll(() => sign(other, key, document))).toEqual([false, REFUSED]);
  expect(await poll(() => sign(own, key, document))).toEqual([true, undefined]);
});

describe('a restore', () => {
  const request = (change: Partial<RestoreRequest> = {}) =>
    encode(RestoreRequest, {
      ...{ format: 'stowage/restore-request', version: FORMAT_VERSION, id: RESTORE },
      ...{ requestedAt: NOW.toISOString(), timestamp: SET },
      target: { flavour: 'shards', database: 'shop', contents: [SERVER] },
      ...{ selection: EVERYTHING, mode: 'create', verify: false, globals: false, noOwner: false },
      ...{ resize: false, agents: true, count: false, ...change },
    });
  const order = (noOwner = false) =>
    encode(Order, {
      ...{ format: 'stowage/order', version: FORMAT_VERSION, id: RESTORE, timestamp: SET },
      ...{
        content: 0,
        phase: 'pre-data',
        mode: 'create',
        encoding: 'UTF8',
        noOwner,
        relations: [],
      },
    });
  const signed = (change: Partial<SignedRestore> = {}) =>
    encode(SignedRestore, {
      ...{ format: 'stowage/signed-restore', version: FORMAT_VERSION, id: RESTORE },
      ...{ signedAt: NOW.toISOString(), requestSha256: sha256(request()), keys: [] },
      orders: [{ phase: 'pre-data', content: 0, sha256: sha256(order()) }],
      ...change,
    });

  interface Stored {
    readonly asked?: Uint8Array;
    readonly ordered?: Uint8Array;
    /** Undefined: there is none. */
    readonly proof: Uint8Array | undefined;
  }
  async function store({ asked = request(), ordered = order(), proof }: Stored): Promise<void> {
    if (proof !== undefined) await agent.store.create(SIGNED, proof);
    await agent.store.create(REQUEST, asked);
    await agent.store.create(ORDER, ordered);
  }
  async function failureOf(stored: Stored): Promise<string | undefined> {
    await store(stored);
    await pollRestores(agent, new Map());
    await answered();
    const at = { restore: RESTORE, phase: 'pre-data', content: 0 } as const;
    const receipt = decode(
      RestoreReceipt,
      await read(formatKey({ kind: 'restore-receipt', ...at })),
    );
    return receipt.problems[0]?.cause;
  }

  test('without a signature is obeyed by an agent that names no keys', async () => {
    agent = agentOf({});
    expect(await failureOf({ proof: undefined })).toBe(OBEYED);
  });

  test('that its command has signed is obeyed', async () => {
    expect(await failureOf({ proof: sign(own, SIGNED, signed()) })).toBe(OBEYED);
  });

  test.each<[string, () => Stored]>([
    ['has no signature', () => ({ proof: undefined })],
    ['has the document without its signature', () => ({ proof: signed() })],
    ['another key has signed', () => ({ proof: sign(other, SIGNED, signed()) })],
    ['was signed for another root', () => ({ proof: sign(own, SIGNED, signed(), 's3://other') })],
    [
      'was signed under another id',
      () => ({ proof: sign(own, SIGNED.replace('0123abcd', '4567abcd'), signed()) }),
    ],
    [
      'has another request than was signed',
      () => ({
        asked: request({ target: { flavour: 'shards', database: 'other', contents: [SERVER] } }),
        proof: sign(own, SIGNED, signed()),
      }),
    ],
  ])('that %s is refused by name before the agent connects', async (_, planted) => {
    expect(await failureOf(planted())).toBe(REFUSED);
  });

  test.each<[string, () => Stored]>([
    [
      'another order than was signed',
      () => ({ ordered: order(true), proof: sign(own, SIGNED, signed()) }),
    ],
    [
      'an order for a content or phase that was not signed',
      () => ({ proof: sign(own, SIGNED, signed({ orders: [] })) }),
    ],
  ])('with %s is refused', async (_, planted) => {
    expect(await failureOf(planted())).toBe('restore/order');
  });

  test('with wrapped keys that its command has not signed is refused', async () => {
    const keys = await testKeys(folder);
    const encryption = { identityFile: keys.identityFile };
    agent = agentOf({ encryption, signedBy: [own?.publicKey] });
    const key = formatKey({ kind: 'restore-keys', restore: RESTORE, content: 0 });
    const bytes = encode(RestoreKeys, {
      ...{ format: 'stowage/restore-keys', version: FORMAT_VERSION, id: RESTORE, content: 0 },
      age: 'wrapped by another program',
    });
    await agent.store.create(key, bytes);
    const wanted = signed({ keys: [{ content: 0, sha256: sha256(Buffer.from('others')) }] });
    expect(await failureOf({ proof: sign(own, SIGNED, wanted) })).toBe(REFUSED);
  });

  test('that is put back after its folder was removed is not carried out a second time', async () => {
    const known: KnownRestores = new Map();
    const documents = { proof: sign(own, SIGNED, signed()) };
    await store(documents);
    await pollRestores(agent, known);
    await answered();
    const remove = async () => {
      for await (const { key } of agent.store.list(restorePrefix(RESTORE)))
        await agent.store.delete([key]);
    };
    await remove();
    await pollRestores(agent, known);
    await store(documents);
    await pollRestores(agent, known);
    await answered();
    const keys = await Array.fromAsync(agent.store.list(restorePrefix(RESTORE)), ({ key }) => key);
    expect(keys.toSorted()).toEqual([ORDER, REQUEST, SIGNED].toSorted());
  });
});
