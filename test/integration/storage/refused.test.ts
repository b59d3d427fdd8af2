import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { exitOf } from '../../../async/child-process.ts';
import { openStore } from '../../../storage/open.ts';
import { writeConfig } from '../../support/cli.ts';
import { type KeyFile, keyFile } from '../../support/servers/strict-s3/key-file.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { metricIn, serving } from '../serve/serving.ts';

let server: StrictS3;
let keys: KeyFile;

beforeAll(async () => {
  server = await startStrictS3();
  keys = await keyFile(server);
});
afterAll(async () => {
  await server.stop();
  await keys.remove();
});
beforeEach(() => {
  server.reset();
  keys.rotate('FIRST');
});

/** Requests that the server has refused since the key was removed. */
const refusals = () => server.seen.length;
const removeKey = () => {
  server.rules.accessKeys = new Set(['ANOTHER']);
  server.seen.length = 0;
};

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly code?: string;
}

test('a server that the store refuses says so at /healthz and in metrics, logs it once, and works again with new keys', async () => {
  for (const [name, value] of Object.entries(keys.env)) vi.stubEnv(name, value);
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const store = await openStore({ root: server.root, s3: { endpoint: server.endpoint } });
  onTestFinished(() => store.close());
  const lines: Line[] = [];
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Line) });
  const started = Date.now();
  // Each look at the clock is a minute later, so that no probe is reused.
  let looks = 0;
  const clock = () => {
    looks += 1;
    return new Date(started + looks * 60_000);
  };
  const { url } = await serving({ store, clock, log }, { sweepIntervalMs: 10, log });
  const health = async () =>
    (await (await fetch(`${url}/healthz`)).json()) as {
      ok: boolean;
      storage?: { code: string; failingSince: string };
    };
  const failingSeconds = async () =>
    metricIn(await (await fetch(`${url}/metrics`)).text(), 'stowage_storage_failing_seconds');
  await waitUntil(async () => (await health()).ok);
  expect(await failingSeconds()).toBe(0);

  removeKey();
  await waitUntil(() => refusals() > 10);
  const { storage } = await health();
  expect(storage?.code).toBe('storage/denied');
  await waitUntil(() => refusals() > 20);
  expect(await health()).toMatchObject({ ok: false, storage });
  expect(await failingSeconds()).toBeGreaterThan(0);
  expect(lines.filter(({ msg }) => msg.startsWith('sweep failed'))).toHaveLength(1);

  keys.rotate('SECOND');
  await waitUntil(async () => (await health()).ok && (await failingSeconds()) === 0);
  await waitUntil(() => lines.some(({ msg }) => msg === 'sweeps again'));
  expect(lines.find(({ msg }) => msg === 'sweeps again')?.code).toBe('storage/denied');
  expect(await health()).not.toHaveProperty('storage');
});

test('an agent that the store refuses keeps asking, logs it once, and takes orders again with new keys', async () => {
  const config = await writeConfig(join(keys.path, '..', 'agent.yaml'), {
    root: server.root,
    name: 'refused',
    contents: [{ content: 0, host: 'nowhere', port: 1 }],
    storage: { endpoint: server.endpoint },
    pollSeconds: 0.1,
  });
  const shipper = fileURLToPath(new URL('../../../segment-shipper/main.ts', import.meta.url));
  const agent = spawn(process.execPath, [shipper, 'agent', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...keys.env },
  });
  const ended = exitOf(agent);
  onTestFinished(() => void agent.kill('SIGKILL'));
  const lines: Line[] = [];
  createInterface({ input: agent.stderr }).on('line', (line) =>
    lines.push(JSON.parse(line) as Line),
  );
  await waitUntil(() => refusals() > 3);
  removeKey();
  await waitUntil(() => refusals() > 10);
  expect(lines.filter(({ level }) => level >= 50)).toHaveLength(1);
  keys.rotate('SECOND');
  await waitUntil(() => lines.some(({ msg }) => msg.startsWith('polls the bucket')));
  agent.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
});
