import { setTimeout as sleep } from 'node:timers/promises';
import { type Key, parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { RunningCli } from '../support/cli.ts';
import { leftInAll } from '../support/e2e/cluster.ts';
import { eventually, isRunning } from '../support/e2e/processes.ts';
import type { TestServer } from '../support/servers/postgres.ts';

/** A moment in a running backup; resolves when it has come. */
export type Moment = (backup: RunningCli, store: ObjectStore, content: number) => Promise<unknown>;

const shipperOf: Moment = (backup, _, content) =>
  backup.until('shipper', (event) => event['content'] === content);

export const atItsStart = shipperOf;

export const afterMs =
  (ms: number): Moment =>
  async (backup, store, content) => {
    await shipperOf(backup, store, content);
    await sleep(ms);
  };

/** The first receipt of a pack (not of metadata) of this content is stored. */
export const afterItsFirstReceipt: Moment = async (backup, store, content) => {
  await shipperOf(backup, store, content);
  await seen(
    () => Array.fromAsync(store.list('sets/')),
    (key) => key?.kind === 'receipt' && key.content === content && key.worker > 0,
  );
};

/** A pack of this content is on its way, and not there yet. */
export const amidAnUpload: Moment = async (backup, store, content) => {
  await shipperOf(backup, store, content);
  await seen(
    () => Array.fromAsync(store.pendingUploads('sets/')),
    (key) => key?.kind === 'pack' && key.content === content,
  );
};

/** @throws when no such key is seen: a blow that came too late would prove nothing. */
async function seen(
  list: () => Promise<{ readonly key: string }[]>,
  fits: (key: Key | undefined) => boolean,
): Promise<void> {
  const isSeen = async () => (await list()).some(({ key }) => fits(parseKey(key)));
  if (!(await eventually(isSeen, (found) => found)))
    throw new Error('the moment to strike never came');
}

/** The process ids of the shippers that a backup has told of. */
export function shippersOf(backup: RunningCli): Map<number, number> {
  const told = backup.events.filter(({ event }) => event === 'shipper');
  return new Map(told.map((event) => [Number(event['content']), Number(event['pid'])]));
}

/** Whatever is left of a run that is over; all lists are empty when it is well. */
export async function leftOf(backup: RunningCli, servers: readonly TestServer[]) {
  const pids = [...shippersOf(backup).values()];
  const running = await eventually(
    async () =>
      (await Promise.all(pids.map(async (pid) => ((await isRunning(pid)) ? [pid] : [])))).flat(),
    (left) => left.length === 0,
  );
  return { running, inDatabases: await leftInAll(servers) };
}

export const NOTHING = { running: [], inDatabases: [] };

/** Keys of one kind that are stored. */
export async function stored(
  store: ObjectStore,
  kind: 'manifest' | 'pack' | 'seal',
): Promise<string[]> {
  const keys = (await Array.fromAsync(store.list('sets/'))).map(({ key }) => key);
  return keys.filter((key) => parseKey(key)?.kind === kind);
}
