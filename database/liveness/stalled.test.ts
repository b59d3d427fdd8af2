import { describe, expect, it } from 'vitest';
import type { Backend, Liveness } from './backend.ts';
import { isAlive, type Silent, stalledError } from './stalled.ts';

const TARGET = {
  content: 3,
  host: 'db3',
  port: 5432,
  database: 'shop',
  user: 'u',
  stallSeconds: 120,
};
const ACTIVE: Backend = {
  pid: 7,
  state: 'active',
  wait_event_type: 'IO',
  wait_event: 'DataFileRead',
  query: 'SELECT  1',
};
const LOCKED: Backend = { ...ACTIVE, wait_event_type: 'Lock', wait_event: 'relation' };
const [moving, still, locked, idle]: Liveness[] = [
  { kind: 'moving', backends: [ACTIVE] },
  { kind: 'still', backends: [ACTIVE], quietMs: 130_000 },
  { kind: 'still', backends: [LOCKED], quietMs: 130_000 },
  { kind: 'idle', backends: [{ ...ACTIVE, state: 'idle' }], quietMs: 130_000 },
] as [Liveness, Liveness, Liveness, Liveness];
const gone: Liveness = { kind: 'gone' };
const unknown: Liveness = { kind: 'unknown', cause: new Error('too many clients') };
const silent: Liveness = { kind: 'server-silent', cause: new Error('timed out') };

const silence = (more: Partial<Silent> = {}): Silent => ({
  target: TARGET,
  doing: '"SELECT 1"',
  silentMs: 120_400,
  mayBeSilent: false,
  ...more,
});

describe('isAlive', () => {
  it.each([
    ['a statement that is seen to move', moving, true, true],
    ['a statement that does not move', still, false, true],
    ['a statement that waits for a lock', locked, false, false],
    ['a server that answers and does not show the statement', unknown, false, true],
    ['a backend that waits for the client', idle, false, false],
    ['a backend that has ended', gone, false, false],
    ['a server that does not answer', silent, false, false],
  ])('judges %s', (_, seen, usual, mayBeSilent) => {
    expect(isAlive(seen, silence())).toBe(usual);
    expect(isAlive(seen, silence({ mayBeSilent: true }))).toBe(mayBeSilent);
  });

  it('counts a new statement of a program as progress, and an old one not', () => {
    const program = silence({ isProgram: true });
    expect(isAlive({ kind: 'idle', backends: [ACTIVE], quietMs: 5_000 }, program)).toBe(true);
    expect(isAlive(idle, program)).toBe(false);
    expect(isAlive({ kind: 'idle', backends: [ACTIVE], quietMs: 5_000 }, silence())).toBe(false);
  });

  it("lets one statement of Greenplum's pg_dump compute for ten times as long, and not wait for a lock", () => {
    const program = (greenplum: boolean) =>
      silence({
        isProgram: true,
        target: { ...TARGET, ...(greenplum && { greenplum: 6 as const }) },
      });
    const computing = (quietMs: number, backend = ACTIVE): Liveness => ({
      kind: 'still',
      backends: [backend],
      quietMs,
    });
    expect(isAlive(computing(1_190_000), program(true))).toBe(true);
    expect(isAlive(computing(1_210_000), program(true))).toBe(false);
    expect(isAlive(computing(130_000), program(false))).toBe(false);
    expect(isAlive(computing(130_000, LOCKED), program(true))).toBe(false);
    expect(isAlive({ ...idle, quietMs: 130_000 } as Liveness, program(true))).toBe(false);
  });
});

describe('stalledError', () => {
  it('names the content, the place, the statement, the time and the process', () => {
    const error = stalledError(silence(), still);
    expect(error).toMatchObject({ code: 'database/stalled', where: { content: 3 } });
    expect(error.message).toBe(
      'content 3 (db3:5432/shop) has not answered "SELECT 1" for 120 s. The server answers, and nothing moves: process 7 runs "SELECT 1" (waits for IO: DataFileRead)',
    );
  });
});
