import { describe, expect, test } from 'vitest';
import { lineOf } from './lines.ts';

const record = (level: number, msg: string) =>
  JSON.stringify({ level, time: new Date(2026, 0, 31, 9, 5, 7).getTime(), pid: 1, msg });

describe('a line of the log on a terminal', () => {
  test('has the local time and the message', () => {
    expect(lineOf(record(30, 'started'))).toBe('09:05:07 started\n');
  });

  test('says how urgent it is, when it is', () => {
    expect(lineOf(record(40, 'x'))).toBe('09:05:07 WARN x\n');
    expect(lineOf(record(50, 'x'))).toBe('09:05:07 ERROR x\n');
  });

  test('cannot move the cursor, whatever a document says', () => {
    expect(lineOf(record(30, 'a\u001b[2Jb'))).toBe('09:05:07 a\\x1b[2Jb\n');
  });

  test('stays as it is when it is no record of the log', () => {
    expect(lineOf('not JSON\n')).toBe('not JSON\n');
  });
});
