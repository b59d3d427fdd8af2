import { expect, test } from 'vitest';
import type { Blocked } from '../../database/flavour.ts';
import { newOutput } from '../output/output.ts';
import { noteBlocked } from './blocked.ts';

const session = {
  pid: 7,
  user: 'app',
  application: '',
  state: 'active',
  query: 'UPDATE a',
  runningMs: 1,
};
const attemptOf = (attempt: number, blockers: Blocked['blockers'] = [session]): Blocked => ({
  content: 1,
  attempt,
  relation: 'public.a',
  blockers,
});

function noted(json: boolean, all: readonly Blocked[]): string[] {
  const written: string[] = [];
  const stream = {
    write: (text: string) => written.push(text.trimEnd()),
  } as unknown as typeof process.stderr;
  const output = newOutput({ out: stream, err: stream }, json, () => new Date());
  const config = { backup: { lockAttempts: 18 } } as Parameters<typeof noteBlocked>[0]['config'];
  all.forEach(noteBlocked({ output, config }));
  return written;
}

test('the same blocker is printed once, and another one again', () => {
  const later = { ...session, query: 'SELECT 1', runningMs: 900 };
  const other = {
    ...session,
    pid: 0,
    prepared: { gid: 'order 7', since: '2026-11-29T05:00:00Z' },
  };
  const all = [attemptOf(1), attemptOf(2, [later]), attemptOf(3, [other]), attemptOf(4)];
  expect(noted(false, all)).toEqual([
    'content 1: attempt 1 of 18 to lock public.a timed out; blocked by pid 7 (user app, active): UPDATE a; trying again',
    'content 1: attempt 3 of 18 to lock public.a timed out; blocked by prepared transaction "order 7" of app, prepared at 2026-11-29T05:00:00Z (COMMIT PREPARED or ROLLBACK PREPARED ends it); trying again',
  ]);
});

test('with --json every attempt is an event', () => {
  expect(noted(true, [attemptOf(1), attemptOf(2)])).toHaveLength(2);
});
