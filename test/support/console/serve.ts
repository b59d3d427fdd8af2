import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { type ServeOptions, startServe } from '../../../functions/serve/serve.ts';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { waitUntil } from '../wait-for.ts';

/**
 * `serve` with the console of generated roots. Its own root is another, which is empty: its sweep
 * would find that generated sets have no packs.
 */
export async function serveConsole(
  folders: Readonly<Record<string, string>>,
  more: Partial<ServeOptions> = {},
) {
  const empty = await mkdtemp(join(tmpdir(), 'stowage-console-'));
  const store = await openStore({ root: pathToFileURL(empty).href });
  const shown: { name: string; store: ObjectStore }[] = [];
  for (const [name, folder] of Object.entries(folders))
    shown.push({ name, store: await openStore({ root: pathToFileURL(folder).href }) });
  const serving = await startServe({
    store,
    log: pino({ level: 'silent' }),
    clock: () => new Date(),
    host: '127.0.0.1',
    port: 0,
    sweepIntervalMs: 3600_000,
    console: shown,
    ...more,
  });
  return {
    url: `${serving.url}/console/`,
    async stop() {
      await serving.stop();
      await Promise.all([store, ...shown.map((root) => root.store)].map((one) => one.close()));
      await rm(empty, { recursive: true, force: true });
    },
  };
}

/** Waits until the server has read all sets of the first root: before that, answers are partial. */
export async function waitUntilRead(url: string): Promise<void> {
  await waitUntil(async () => {
    const response = await fetch(`${url}api/0/overview`);
    return ((await response.json()) as { reading: number }).reading === 0;
  });
}
