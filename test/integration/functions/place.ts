import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { parseKey } from '../../../backup-set/base/keys.ts';
import { Verdict } from '../../../backup-set/base/verdict.ts';
import type { Deps } from '../../../functions/deps.ts';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';

/**
 * The dependencies of a function on a new directory store, which is removed after the test.
 * @param clock of this host and of the store; absent: the present time.
 */
export async function freshDeps(clock?: () => Date): Promise<Deps> {
  const folder = await mkdtemp(join(tmpdir(), 'functions-'));
  const store = await openStore({ root: pathToFileURL(folder).href });
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const log = pino({ level: 'silent' });
  if (clock === undefined) return { store, clock: () => new Date(), log };
  return { store: { ...store, now: async () => clock() }, clock, log };
}

/** An upload that is never completed, as of a killed shipper. It ends with the test. */
export async function beginUpload(store: ObjectStore, key: string): Promise<void> {
  const ended = new AbortController();
  const sent = Promise.withResolvers<void>();
  async function* endless() {
    yield Buffer.alloc(1024);
    sent.resolve();
    await once(ended.signal, 'abort');
  }
  const uploading = store.upload(key, endless(), { signal: ended.signal }).catch(() => undefined);
  // Its file stays open until then.
  onTestFinished(async () => {
    ended.abort();
    await uploading;
  });
  await sent.promise;
}

/** The same at a later time, by the store's clock. */
export function later(deps: Deps, ms: number): Deps {
  return { ...deps, store: { ...deps.store, now: async () => new Date(Date.now() + ms) } };
}

/** The file in which the directory store keeps an object, for a test that damages it. */
export function fileOf(store: ObjectStore, key: string): string {
  return join(fileURLToPath(store.url), key);
}

export async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const objects = await Array.fromAsync(store.list(prefix));
  return objects.map(({ key }) => key);
}

export async function verdictsOf(store: ObjectStore): Promise<Verdict[]> {
  const keys = (await keysOf(store, 'sets/')).filter((key) => parseKey(key)?.kind === 'verdict');
  return Promise.all(
    keys.map(async (key) => decode(Verdict, { key, bytes: await bytesOf(store, key) })),
  );
}

export async function bytesOf(store: ObjectStore, key: string): Promise<Uint8Array> {
  return store.read(key, { bytesMax: DOCUMENT_BYTES_MAX });
}
