import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newOutput } from './output.ts';
import { noteWaiting, type Waiting } from './waiting.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function lines(json: boolean, waiting: Waiting) {
  const written: string[] = [];
  const stream = {
    write: (text: string) => written.push(text),
  } as unknown as typeof process.stderr;
  const clock = () => new Date();
  const noting = noteWaiting(
    { output: newOutput({ out: stream, err: stream }, json, clock), clock },
    waiting,
  );
  return { written, noting };
}

const waiting = {
  what: () => 'the verdict',
  needs: '`stowage serve` runs them',
  atMostMs: 600_000,
};

test('a wait is explained after 10 s and then once a minute, until it ends', () => {
  const { written, noting } = lines(false, waiting);
  vi.advanceTimersByTime(9_999);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(60_001);
  expect(written).toEqual([
    'waiting for the verdict (10s of at most 10m). `stowage serve` runs them\n',
    'waiting for the verdict (1m 10s of at most 10m). `stowage serve` runs them\n',
  ]);
  noting[Symbol.dispose]();
  vi.advanceTimersByTime(600_000);
  expect(written).toHaveLength(2);
});

test('a wait is an event with --json', () => {
  const { written } = lines(true, waiting);
  vi.advanceTimersByTime(10_000);
  expect(JSON.parse(written[0] ?? '')).toMatchObject({
    event: 'waiting',
    for: 'the verdict',
    needs: '`stowage serve` runs them',
    elapsedMs: 10_000,
    atMostMs: 600_000,
  });
});
