import { describe, expect, it } from 'vitest';
import type { LoadRelation } from '../../../backup-set/documents/restore/restore.ts';
import { noProgress } from '../../deps.ts';
import { countOnce, failedLoad, loadAgain } from './again.ts';

const relation = (name: string): LoadRelation => ({
  id: 0,
  schema: 's',
  name,
  columns: [],
  rows: 1,
  bytes: 1,
  extents: [],
});
/** Retries of relations, each of which needs another one; records every attempt. */
function retries(needs: Readonly<Record<string, string>>) {
  const attempts: string[] = [];
  const loaded = new Set<string>(['there']);
  const all = Object.entries(needs).map(([name, needed]) => ({
    name,
    load: async () => {
      attempts.push(name);
      if (!loaded.has(needed)) return [failedLoad(new Error(name), 0, relation(name))];
      loaded.add(name);
      return [];
    },
  }));
  return { attempts, all };
}

describe('loading rejected relations again', () => {
  it('goes by name, and loads a chain of relations in as many passes as it needs', async () => {
    const { attempts, all } = retries({ c: 'there', a: 'b', b: 'c' });
    expect(await loadAgain(all)).toEqual([]);
    expect(attempts.join('')).toBe('abcaba');
  });

  it('ends when a pass has loaded none, and returns the problem of each that is left', async () => {
    const { attempts, all } = retries({ a: 'nothing', b: 'nothing', c: 'there' });
    expect(await loadAgain(all)).toMatchObject([
      { relation: { name: 'a' } },
      { relation: { name: 'b' } },
    ]);
    expect(attempts.join('')).toBe('abcab');
  });

  it('does nothing when no relation was rejected', async () => {
    expect(await loadAgain([])).toEqual([]);
  });
});

describe('an error', () => {
  const failed = (code: string, more = {}) =>
    new Error('outer', {
      cause: Object.assign(new Error('x'), { code, severity: 'ERROR', ...more }),
    });
  const onSegment = { ...relation('t'), onSegment: true } as const;

  it.each(['23514', 'P0001', 'P0002', '22012', '38000', '21000'])(
    '%s lets a relation be loaded again, unless the segments load it',
    (code) => {
      expect(failedLoad(failed(code), 0, relation('t')).isRejected).toBe(true);
      expect(failedLoad(failed(code), 0, onSegment).isRejected).toBe(false);
    },
  );

  it.each(['23505', '23503', '42501', '53100', '57P01', '40P01'])(
    '%s does not let a relation be loaded again',
    (code) => {
      expect(failedLoad(failed(code), 0, relation('t')).isRejected).toBe(false);
    },
  );

  it('that no server has sent does not let a relation be loaded again', () => {
    expect(failedLoad(new Error('damaged'), 0, relation('t')).isRejected).toBe(false);
  });

  it('23514 with a table and no constraint says that a row belongs to another partition', () => {
    const isMisplaced = (more: object) =>
      failedLoad(failed('23514', more), 0, relation('t')).isMisplaced;
    expect(isMisplaced({ table: 't' })).toBe(true);
    expect(isMisplaced({ table: 't', constraint: 'c' })).toBe(false);
    expect(isMisplaced({ constraint: 'of a domain' })).toBe(false);
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
