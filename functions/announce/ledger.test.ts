import { describe, expect, test } from 'vitest';
import type { LedgerStep } from '../../backup-set/base/keys/ledger-keys.ts';
import { SEND_MS_MAX } from './channels/open.ts';
import { isLastTry, standingOf } from './ledger.ts';

const BEGIN = new Date('2026-01-31T00:00:00Z');
const minutes = (count: number) => new Date(BEGIN.getTime() + count * 60_000);
const stepsOf = (...steps: [LedgerStep, number][]) =>
  new Map(steps.map(([step, at]) => [step, minutes(at)]));

describe('the ledger of an event and a channel', () => {
  test('lets the first try begin at once', () => {
    expect(standingOf(new Map())).toEqual({ state: 'open', tries: 0, dueAt: new Date(0) });
  });

  test('lets each later try wait longer', () => {
    const waits = [1, 2, 3, 4, 5].map((tries) => {
      const standing = standingOf(stepsOf([tries, 0]));
      return standing.state === 'open' ? (standing.dueAt.getTime() - BEGIN.getTime()) / 60_000 : 0;
    });
    expect(waits).toEqual([1, 5, 15, 60, 240]);
    expect(waits.every((wait) => wait * 60_000 > SEND_MS_MAX)).toBe(true);
  });

  test('counts from the newest try, whatever order a store lists them in', () => {
    expect(standingOf(stepsOf([2, 10], [1, 0]))).toEqual({
      state: 'open',
      tries: 2,
      dueAt: minutes(15),
    });
  });

  test('ends with a success or after the sixth failure', () => {
    expect(standingOf(stepsOf([1, 0], ['sent', 1]))).toEqual({ state: 'sent' });
    expect(standingOf(stepsOf([6, 0], ['failed', 1]))).toEqual({ state: 'failed' });
    expect([5, 6].map(isLastTry)).toEqual([false, true]);
  });
});
