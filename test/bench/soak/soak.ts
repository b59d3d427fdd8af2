/**
 * `npm run bench:soak`: whether the memory of `stowage serve` stays flat. It stores some hundred
 * small sets, starts the server with a short sweep interval, sends events, and prints the memory
 * that is left after a collection. Ends with 1 when the heap has grown by more than the limit.
 *
 * `--minutes 15 --sets 200 --sweep 2 --per-second 10 --warm-up 120 --percent 10`
 * `--store directory|ceph`: where the sets are. `--json FILE`: the samples.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeConfig } from '../../support/cli.ts';
import { cephPlace, directoryPlace } from '../../support/e2e/place.ts';
import { STOWAGE } from '../../support/programs/programs.ts';
import { growthOf, type Sample } from './growth.ts';
import { scrape, sendEvents, storeSets } from './load.ts';
import type { Memory } from './memory.ts';

const MEMORY = fileURLToPath(new URL('memory.ts', import.meta.url));
const SAMPLE_MS = 10_000;
const START_MS_MAX = 60_000;
const ANSWER_MS_MAX = 30_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    sets: { type: 'string', default: '200' },
    sweep: { type: 'string', default: '2' },
    'per-second': { type: 'string', default: '10' },
    'warm-up': { type: 'string', default: '120' },
    percent: { type: 'string', default: '10' },
    store: { type: 'string', default: 'directory' },
    json: { type: 'string' },
  },
});
const log = (text: string) => process.stderr.write(`${text}\n`);
const megabytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);

process.exitCode = 1; // until the memory has been compared
const place = values.store === 'ceph' ? await cephPlace() : await directoryPlace();
try {
  const root = place.newRoot();
  const store = await place.open(root);
  const timestamps = await storeSets(store, Number(values.sets));
  await store.close();
  log(`${timestamps.length} sets are stored in ${root}`);
  const config = await writeConfig(join(place.folder, 'soak.yaml'), {
    root,
    database: 'places',
    segments: [{ content: 0, host: 'nowhere.invalid' }],
    storage: place.storage,
  });
  const server = startServer(config);
  try {
    const url = await urlOf(server);
    report(await run(server, url, timestamps));
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit', { signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch(() =>
      server.kill('SIGKILL'),
    );
  }
} finally {
  await place.stop();
}

function startServer(config: string): ChildProcess {
  const serve = ['serve', '--config', config, '--json', '--port', '0', '--sweep', values.sweep];
  return spawn(process.execPath, ['--expose-gc', '--import', MEMORY, STOWAGE, ...serve], {
    env: { ...process.env, ...place.env, STOWAGE_LOG: 'fatal' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

async function urlOf(server: ChildProcess): Promise<string> {
  const lines = createInterface({ input: server.stderr ?? process.stdin });
  const timer = setTimeout(() => lines.close(), START_MS_MAX);
  let found: string | undefined;
  for await (const line of lines) {
    const event = JSON.parse(line) as { event?: string; url?: string };
    if (event.event !== 'serving') continue;
    found = event.url;
    break;
  }
  clearTimeout(timer);
  // A full pipe would stop the server.
  server.stderr?.resume();
  if (found === undefined) throw new Error('stowage serve did not start');
  return found;
}

/** Sends events at a steady rate, and takes a sample every ten seconds. */
async function run(server: ChildProcess, url: string, timestamps: readonly string[]) {
  const samples: Sample[] = [];
  const started = performance.now();
  const elapsedMs = () => performance.now() - started;
  const endMs = Number(values.minutes) * 60_000;
  let turn = 0;
  while (elapsedMs() < endMs) {
    await sendEvents(url, timestamps, turn);
    turn += 1;
    if (elapsedMs() >= samples.length * SAMPLE_MS) {
      await scrape(url);
      const sample = { second: Math.round(elapsedMs() / 1000), ...(await memoryOf(server)) };
      samples.push(sample);
      const { second, rss, heapUsed, external } = sample;
      log(
        `${String(second).padStart(5)} s: rss ${megabytes(rss)} MiB, heap ${megabytes(heapUsed)} MiB, buffers ${megabytes(external)} MiB, ${turn} requests`,
      );
    }
    const nextMs = (turn * 1000) / Number(values['per-second']);
    if (nextMs > elapsedMs()) await sleep(nextMs - elapsedMs());
  }
  return samples;
}

async function memoryOf(server: ChildProcess): Promise<Memory> {
  const answer = once(server, 'message', { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  server.send('memory');
  const [memory] = (await answer) as [Memory];
  return memory;
}

/** Only the heap decides: what the allocator keeps for itself (RSS) depends on the machine. */
function report(samples: readonly Sample[]): void {
  const limit = Number(values.percent);
  const growth = growthOf(samples, Number(values['warm-up']));
  for (const { of, before, after, percent } of growth)
    process.stdout.write(
      `${of}: ${megabytes(before)} MiB after ${values['warm-up']} s, ${megabytes(after)} MiB at the end (${percent.toFixed(1)} %)\n`,
    );
  const grown = growth.filter(({ of, percent }) => of === 'heap' && percent > limit);
  process.stdout.write(
    grown.length === 0
      ? `flat: the heap has grown by at most ${limit} %\n`
      : `NOT flat: the heap has grown by more than ${limit} %\n`,
  );
  if (grown.length === 0) process.exitCode = 0;
  if (values.json !== undefined) void writeFile(values.json, `${JSON.stringify(samples)}\n`);
}
