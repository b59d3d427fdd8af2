import { setTimeout as sleep } from 'node:timers/promises';
import { type Key, parseKey } from '../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { RunningCli } from '../cli.ts';
import type { TestServer } from '../servers/postgres.ts';
import { readUntil } from '../wait-for.ts';
import { leftoversOnAll } from './cluster.ts';
import { isRunning } from './processes.ts';

/** Resolves when a running backup has reached a certain point for this content. */
export type BackupPoint = (
  backup: RunningCli,
  store: ObjectStore,
  content: number,
) => Promise<unknown>;

const shipperOf: BackupPoint = (backup, _, content) =>
  backup.waitForEvent('shipper', (event) => event['content'] === content);

export const whenShipperStarts = shipperOf;

export const afterDelay =
  (ms: number): BackupPoint =>
  async (backup, store, content) => {
    await shipperOf(backup, store, content);
    await sleep(ms);
  };

/** Resolves when the first receipt of a pack (not of metadata) of this content is stored. */
export const afterFirstReceipt: BackupPoint = async (backup, store, content) => {
  await shipperOf(backup, store, content);
  await waitForKey(
    () => Array.fromAsync(store.list('sets/')),
    (key) => key?.kind === 'receipt' && key.content === content && key.worker > 0,
  );
};

/** Resolves when an upload of a pack of this content has begun, and before it is complete. */
export const duringUpload: BackupPoint = async (backup, store, content) => {
  await shipperOf(backup, store, content);
  await waitForKey(
    () => Array.fromAsync(store.pendingUploads('sets/')),
    (key) => key?.kind === 'pack' && key.content === content,
  );
};

/** @throws when no key matches: a fault that is injected too late would prove nothing. */
async function waitForKey(
  list: () => Promise<{ readonly key: string }[]>,
  matches: (key: Key | undefined) => boolean,
): Promise<void> {
  const isSeen = async () => (await list()).some(({ key }) => matches(parseKey(key)));
  if (!(await readUntil(isSeen, (found) => found)))
    throw new Error('the backup never reached the point to interrupt it');
}

/** Content → process id of its shipper, from the events that the command line has written. */
export function shipperPids(backup: RunningCli): Map<number, number> {
  const told = backup.events.filter(({ event }) => event === 'shipper');
  return new Map(told.map((event) => [Number(event['content']), Number(event['pid'])]));
}

/** Shipper processes, sessions and locks that remain after a run. All lists should be empty. */
export async function leftoversOf(backup: RunningCli, servers: readonly TestServer[]) {
  const pids = [...shipperPids(backup).values()];
  const running = await readUntil(
    async () =>
      (await Promise.all(pids.map(async (pid) => ((await isRunning(pid)) ? [pid] : [])))).flat(),
    (left) => left.length === 0,
  );
  return { running, inDatabases: await leftoversOnAll(servers) };
}

export const NO_LEFTOVERS = { running: [], inDatabases: [] };

/** The stored keys of one kind. */
export async function storedKeys(
  store: ObjectStore,
  kind: 'manifest' | 'pack' | 'seal',
): Promise<string[]> {
  const keys = (await Array.fromAsync(store.list('sets/'))).map(({ key }) => key);
  return keys.filter((key) => parseKey(key)?.kind === kind);
}
