import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, type Call, listen } from './listen.ts';

const CONFIG = '/etc/plugin.yaml';
const IDLE_MS = 200;

let folder = '';
let socket = '';
let stop = new AbortController();
beforeEach(async () => {
  // Made with mode 0700.
  folder = await mkdtemp(join(tmpdir(), 'listen-'));
  socket = join(folder, 'plugin.yaml');
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await rm(folder, { recursive: true, force: true });
});

/** Listens, and answers the call `slow` when it is let go. */
async function listening(isDone = () => false) {
  const slow = Promise.withResolvers<void>();
  const answer = async ({ name }: Call): Promise<Answer> => {
    if (name === 'slow') await slow.promise;
    if (name === 'failing') throw new Error('refused');
    return undefined;
  };
  const ended = listen({ socket, config: CONFIG, idleMs: IDLE_MS, answer, isDone }, stop.signal);
  while ((await call('ping').catch(() => 0)) !== 200) await sleep(5);
  return { ended, letGo: () => slow.resolve() };
}

/** The status of a call. */
function call(name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-config': CONFIG, 'x-call': name };
    const sent = request({ socketPath: socket, path: `/${name}`, method: 'POST', headers });
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.end();
  });
}

test('a process ends when no call runs for a while, but not during a call that takes longer', async () => {
  const { ended, letGo } = await listening();
  const slow = call('slow');
  await call('quick');
  await sleep(2 * IDLE_MS);
  letGo();
  expect(await slow).toBe(200);
  await ended;
});

test('a process that is done answers a call that began while it waited to end', async () => {
  const { ended, letGo } = await listening(() => true);
  expect(await call('failing')).toBe(500);
  const slow = call('slow');
  await sleep(1_200);
  letGo();
  expect(await slow).toBe(200);
  await ended;
});
