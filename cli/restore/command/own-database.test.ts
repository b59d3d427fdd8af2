import { describe, expect, test, vi } from 'vitest';
import type { ClusterContext } from '../../context.ts';
import { intoOwnDatabase } from './own-database.ts';

const manifest = { timestamp: '20261122202533', database: 'shop' };

type Named = NonNullable<ReturnType<ClusterContext['sources']['get']>>;

function resolved(database: string, named: Named, resumes?: string) {
  const note = vi.fn();
  const context = {
    config: { database },
    sources: new Map([['database', named]]),
    output: { note },
  } as unknown as ClusterContext;
  const options = resumes === undefined ? {} : { resumes };
  return { database: intoOwnDatabase(context, manifest, options).config.database, note };
}

describe('the database of a restore', () => {
  test.each([
    ['environment', 'PGDATABASE', 'the variable PGDATABASE names stray'],
    ['file', 'stowage.yaml', 'stowage.yaml names stray'],
  ] as const)(
    'is that of the set when the %s names another, and a note says so',
    (source, name, text) => {
      const { database, note } = resolved('stray', { source, name });
      expect(database).toBe('shop');
      expect(note).toHaveBeenCalledExactlyOnceWith(
        'own-database',
        { database: 'shop', configured: 'stray' },
        expect.stringContaining(text),
      );
    },
  );

  test('is the one that a flag names', () => {
    const { database, note } = resolved('copy', { source: 'flag', name: '--redirect-db' });
    expect(database).toBe('copy');
    expect(note).not.toHaveBeenCalled();
  });

  test('is that of the first restore when it is resumed', () => {
    const file = { source: 'file', name: 'stowage.yaml' } as const;
    expect(resolved('copy', file, '20261122202555544-1619ed3c').database).toBe('copy');
  });

  test('is not announced when the configuration names it too', () => {
    const { note } = resolved('shop', { source: 'file', name: 'stowage.yaml' });
    expect(note).not.toHaveBeenCalled();
  });
});
