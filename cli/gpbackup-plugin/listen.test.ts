import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Answer, type Call, listen } from './listen.ts';

const CONFIG = '/etc/plugin.yaml';
const IDLE_MS = 60_000;

let folder = '';
let socket = '';
let stop = new AbortController();
beforeEach(async () => {
  // Made with mode 0700.
  folder = await mkdtemp(join(tmpdir(), 'listen-'));
  socket = join(folder, 'plugin.yaml');
  stop = new AbortController();
  // Timers expire only when a test says so: a busy machine needs long for a call.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  stop.abort();
  await rm(folder, { recursive: true, force: true });
});

/** Listens, and answers the call `slow` when it is let go. */
async function listening(isDone = () => false) {
  const [slow, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const answer = async ({ name }: Call): Promise<Answer> => {
    if (name === 'slow') begun.resolve();
    if (name === 'slow') await slow.promise;
    if (name === 'failing') throw new Error('refused');
    return undefined;
  };
  const ended = listen({ socket, config: CONFIG, idleMs: IDLE_MS, answer, isDone }, stop.signal);
  while ((await call('ping').catch(() => 0)) !== 200) await sleep(5);
  return { ended, begun: begun.promise, letGo: () => slow.resolve() };
}

/** Lets more time pass than a process waits, and leaves it the moment that its end takes. */
async function passIdle(): Promise<void> {
  vi.advanceTimersByTime(2 * IDLE_MS);
  await sleep(100);
}

/** Lets time pass until the process ends: the end of a call starts a new wait. */
async function passUntil(ended: Promise<void>): Promise<void> {
  let isOver = false;
  void ended.then(() => (isOver = true));
  while (!isOver) {
    vi.advanceTimersByTime(IDLE_MS);
    await sleep(5);
  }
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
  const { ended, begun, letGo } = await listening();
  const slow = call('slow');
  await begun;
  await call('quick');
  await passIdle();
  letGo();
  expect(await slow).toBe(200);
  await passUntil(ended);
});

test('a process that is done answers a call that began while it waited to end', async () => {
  const { ended, begun, letGo } = await listening(() => true);
  expect(await call('failing')).toBe(500);
  const slow = call('slow');
  await begun;
  await passIdle();
  letGo();
  expect(await slow).toBe(200);
  await passUntil(ended);
});
