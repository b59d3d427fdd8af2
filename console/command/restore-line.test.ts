import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYTHING, selector } from '../../backup-set/base/selection.ts';
import { onRoot, patternOf, type RestoreChoice, restoreLine } from './restore-line.ts';

const CHOICE: RestoreChoice = {
  root: { id: 0, url: 's3://backups/shop' },
  ...{ set: '20260131120000', mode: 'fill', tables: [], parts: 'all', flags: [], dryRun: false },
  encrypted: false,
};
const name = fc.string({ minLength: 1, unit: 'binary' });

describe('the command line of a restore', () => {
  it('is only the set when nothing was chosen', () => {
    expect(restoreLine(CHOICE)).toBe('stowage restore 20260131120000');
  });

  it('has a place for the identity of an encrypted set', () => {
    expect(restoreLine({ ...CHOICE, encrypted: true })).toBe(
      'stowage restore 20260131120000 --identity=IDENTITY-FILE',
    );
  });

  it('names every root but that of the configuration, and its server', () => {
    const copy = { id: 1, url: 's3://copies/a b', endpoint: 'https://s3.example.org' };
    const words = "'--root=s3://copies/a b' --endpoint=https://s3.example.org";
    expect(restoreLine({ ...CHOICE, root: copy })).toBe(`stowage restore ${CHOICE.set} ${words}`);
    expect(onRoot('stowage delete 20260131120000', copy)).toBe(
      `stowage delete 20260131120000 ${words}`,
    );
    expect(onRoot('stowage sweep', CHOICE.root)).toBe('stowage sweep');
  });

  it('selects each chosen table, and no other', () => {
    fc.assert(
      fc.property(name, name, name, (schema, table, other) => {
        const selection = { ...EVERYTHING, includeTables: [patternOf({ schema, name: table })] };
        const selects = selector(selection);
        expect(selects({ schema, name: table })).toBe(true);
        fc.pre(other !== table);
        expect(selects({ schema, name: other })).toBe(false);
      }),
    );
  });
});
