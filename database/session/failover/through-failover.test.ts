import { expect, test } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Session } from '../session-types.ts';
import type { Instance } from './lost-segments.ts';
import { type FailoverTerms, throughFailover } from './through-failover.ts';

const lost = (detail: string) =>
  Object.assign(new Error('failed to acquire resources'), {
    code: '58M01',
    severity: 'ERROR',
    detail,
  });
const REFUSED = lost('Connection refused (seg1 sdw2:6000)');
const UNNAMED = lost('FTS detected one or more segments are down');

const primary = (content: number): Instance => ({
  content,
  role: 'p',
  mode: 's',
  status: 'u',
  host: `sdw${content + 1}`,
  port: 6000,
});
const mirror = (content: number): Instance => ({ ...primary(content), role: 'm', port: 7000 });

/** A coordinator whose first statement fails `failures` times; each attempt takes ten seconds. */
function coordinator(failures: number, error: unknown, instances: readonly Instance[]) {
  const seen = { attempts: 0, reads: 0, probed: [] as number[], notes: [] as string[] };
  let seconds = 0;
  const target = { content: -1, host: 'mdw', port: 5432, database: 'd', user: 'u' };
  const query = (sql: string) => {
    if (!sql.includes('gp_segment_configuration'))
      return Promise.resolve([{ interval: 20, retries: 2 }]);
    seen.reads += 1;
    return Promise.resolve(instances);
  };
  const session = { target, query } as unknown as Session;
  const statement = () => {
    seen.attempts += 1;
    seconds += 10;
    return seen.attempts > failures ? Promise.resolve('set up') : Promise.reject(error as Error);
  };
  const terms: FailoverTerms = {
    // Content 0 answers, content 1 does not.
    open: ({ content = -1 }) => {
      seen.probed.push(content);
      return content === 1
        ? Promise.reject(new StowageError('database/unreachable', 'connect ECONNREFUSED'))
        : Promise.resolve({ close: () => Promise.resolve() } as Session);
    },
    onSilence: (note) => seen.notes.push(note),
    now: () => seconds * 1_000,
    retryMs: 0,
  };
  return { seen, run: (more = {}) => throughFailover(session, { ...terms, ...more }, statement) };
}

const WITH_MIRRORS = [primary(0), mirror(0), primary(1), mirror(1)];

test('a statement succeeds once the mirror has been promoted, and one note names the content', async () => {
  const { seen, run } = coordinator(3, REFUSED, WITH_MIRRORS);
  expect(await run()).toBe('set up');
  expect(seen).toEqual({
    attempts: 4,
    reads: 3,
    probed: [],
    notes: [
      'the coordinator gets no answer from content 1 (sdw2:6000; its mirror sdw2:7000 is in sync); waiting for it, at most 70 s',
    ],
  });
});

test('a content that the server does not name is found by a session with each primary', async () => {
  const { seen, run } = coordinator(1, UNNAMED, WITH_MIRRORS);
  await run();
  expect(seen.probed).toEqual([0, 1]);
  expect(seen.notes).toEqual([expect.stringContaining('no answer from content 1 (sdw2:6000')]);
});

test.each([
  ['its mirror did not take over within the time of FTS', WITH_MIRRORS, 7],
  ['it has no mirror, and did not restart', [primary(0), primary(1)], 6],
])('the error names the content when %s', async (_, instances, attempts) => {
  const { seen, run } = coordinator(Number.POSITIVE_INFINITY, REFUSED, instances);
  await expect(run()).rejects.toMatchObject({
    code: 'database/segment-down',
    where: { content: 1 },
    message: expect.stringContaining(`for ${attempts * 10} s from content 1 (sdw2:6000`),
  });
  expect(seen.attempts).toBe(attempts);
});

test('every other error is not retried', async () => {
  const denied = Object.assign(new Error('no'), { code: '42501', severity: 'ERROR' });
  const { seen, run } = coordinator(1, denied, WITH_MIRRORS);
  await expect(run()).rejects.toBe(denied);
  expect(seen).toMatchObject({ attempts: 1, reads: 0 });
});

test('an interruption ends the wait', async () => {
  const stop = new AbortController();
  const { run } = coordinator(Number.POSITIVE_INFINITY, REFUSED, WITH_MIRRORS);
  const onSilence = () => stop.abort();
  await expect(run({ signal: stop.signal, onSilence, retryMs: 60_000 })).rejects.toMatchObject({
    code: 'interrupted',
  });
});
