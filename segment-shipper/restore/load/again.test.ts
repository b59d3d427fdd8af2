import { describe, expect, it } from 'vitest';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { LoadRelation } from '../../../backup-set/documents/restore.ts';
import { noProgress } from '../../deps.ts';
import { countOnce, loadAgain, mayPassLater } from './again.ts';

const relation = (name: string): LoadRelation => ({
  id: 0,
  schema: 's',
  name,
  columns: [],
  rows: 1,
  bytes: 1,
  extents: [],
});
const problem = (name: string): Problem => ({ code: 'order-failed', message: name });
const rejected = (...names: string[]) =>
  names.map((name) => ({ relation: relation(name), problem: problem(name) }));

/** Loads a relation when the relation it needs is loaded; records every attempt. */
function loader(needs: Readonly<Record<string, string>>) {
  const attempts: string[] = [];
  const loaded = new Set<string>(['there']);
  return {
    attempts,
    load: async ({ name }: LoadRelation) => {
      attempts.push(name);
      if (!loaded.has(needs[name] ?? 'there')) return problem(name);
      loaded.add(name);
      return undefined;
    },
  };
}

describe('loading rejected relations again', () => {
  it('goes by name, and loads a chain of relations in as many passes as it needs', async () => {
    const { attempts, load } = loader({ a: 'b', b: 'c' });
    expect(await loadAgain(rejected('c', 'a', 'b'), load)).toEqual([]);
    expect(attempts.join('')).toBe('abcaba');
  });

  it('ends when a pass has loaded none, and returns the problem of each that is left', async () => {
    const { attempts, load } = loader({ a: 'nothing', b: 'nothing', c: 'there' });
    expect(await loadAgain(rejected('a', 'b', 'c'), load)).toEqual([problem('a'), problem('b')]);
    expect(attempts.join('')).toBe('abcab');
  });

  it('does nothing when no relation was rejected', async () => {
    expect(await loadAgain([], loader({}).load)).toEqual([]);
  });
});

describe('an error', () => {
  const failed = (code: string) =>
    new Error('outer', { cause: Object.assign(new Error('x'), { code, severity: 'ERROR' }) });

  it.each(['23514', 'P0001', 'P0002', '22012', '38000', '21000'])(
    '%s lets a relation be loaded again',
    (code) => {
      expect(mayPassLater(failed(code), relation('t'))).toBe(true);
      expect(mayPassLater(failed(code), { ...relation('t'), onSegment: true })).toBe(false);
    },
  );

  it.each(['23505', '23503', '42501', '53100', '57P01', '40P01'])(
    '%s does not let a relation be loaded again',
    (code) => {
      expect(mayPassLater(failed(code), relation('t'))).toBe(false);
    },
  );

  it('that no server has sent does not let a relation be loaded again', () => {
    expect(mayPassLater(new Error('damaged'), relation('t'))).toBe(false);
  });
});

it('a second attempt adds only the bytes that the first has not added', () => {
  const progress = { ...noProgress(), bytes: 10 };
  const attempts = { bytesMax: 0 };
  const first = countOnce(progress, attempts);
  first.bytes += 5;
  const second = countOnce(progress, attempts);
  second.bytes += 3;
  expect(progress.bytes).toBe(15);
  second.bytes += 4;
  expect(progress.bytes).toBe(17);
});
