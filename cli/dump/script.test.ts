import { describe, expect, test } from 'vitest';
import { EVERYTHING } from '../../backup-set/base/selection.ts';
import { dumpOptionsFrom } from './options.ts';
import { type DumpWork, dumpScript } from './script.ts';

/** The definitions of a set, without rows. */
function workOf(flags: Record<string, boolean>, preData = 'CREATE TABLE t ();'): DumpWork {
  const made = (text: string) => ({ text, changes: [], unpartitioned: [] });
  return {
    set: {
      manifest: {
        timestamp: '20260101000000',
        database: 'd',
        cluster: 'c',
        snapshot: { takenAt: '2026-01-01T00:00:00Z' },
      },
    },
    plan: { only: undefined },
    options: {
      ...dumpOptionsFrom({ schemaOnly: true, ...flags }, ['latest']),
      selection: EVERYTHING,
    },
    catalog: { refresh: [] },
    definitions: { preData: made(preData), postData: made('CREATE INDEX ON t (a);') },
    largeObjects: undefined,
  } as unknown as DumpWork;
}

async function textOf(work: DumpWork): Promise<string> {
  const dumped = { rows: 0, bytes: 0, tables: 0, isInCopy: false };
  return Buffer.concat(await Array.fromAsync(dumpScript(work, dumped))).toString();
}

describe('a script', () => {
  test('is one transaction, and its last line says that it is whole', async () => {
    const lines = (await textOf(workOf({}))).trimEnd().split('\n');
    expect(lines.filter((line) => /^(BEGIN|COMMIT);$/.test(line))).toEqual(['BEGIN;', 'COMMIT;']);
    expect(lines.at(-1)).toBe('-- stowage dump complete: set 20260101000000, 0 tables, 0 rows');
  });

  test('with --no-transaction has no transaction, and still stops at an error', async () => {
    const text = await textOf(workOf({ transaction: false }));
    expect(text).not.toMatch(/^(BEGIN|COMMIT|ROLLBACK);$/m);
    expect(text).not.toContain('One transaction');
    expect(text).toContain('\\set ON_ERROR_STOP on');
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^-- stowage dump complete/);
  });

  test('that is not whole ends with a statement that fails', async () => {
    for (const transaction of [true, false]) {
      const work = workOf({ transaction });
      const broken = { ...work, catalog: undefined } as unknown as DumpWork;
      const made: string[] = [];
      const run = async () => {
        const dumped = { rows: 0, bytes: 0, tables: 0, isInCopy: false };
        const data = { ...broken, options: { ...work.options, sections: ['schema', 'data'] } };
        for await (const piece of dumpScript(data as DumpWork, dumped)) made.push(String(piece));
      };
      await expect(run()).rejects.toThrow();
      expect(made.join('')).not.toContain('dump complete:');
      expect(made.at(-1)).toMatch(
        transaction ? /^\n?ROLLBACK;\nSELECT CAST\('this script is/ : /^\n?SELECT CAST\('this/,
      );
    }
  });
});
