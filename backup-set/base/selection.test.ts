import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOSTILE_NAMES, qualifiedName, quoted } from '../testing/names.ts';
import {
  EVERYTHING,
  isEverything,
  malformedPatterns,
  Selection,
  selector,
  selects,
  unmatchedIncludes,
} from './selection.ts';

const only = (part: Partial<Selection>): Selection => ({ ...EVERYTHING, ...part });
const table = (schema: string, name: string) => ({ schema, name });

describe('a quoted name', () => {
  test('matches only the relation with this name, whatever characters it has', () => {
    fc.assert(
      fc.property(qualifiedName, qualifiedName, (a, b) => {
        const pattern = quoted(a.schema, a.name);
        expect(selects(only({ includeTables: [pattern] }), a)).toBe(true);
        const same = a.schema === b.schema && a.name === b.name;
        expect(selects(only({ includeTables: [pattern] }), b)).toBe(same);
        expect(selects(only({ excludeTables: [pattern] }), b)).toBe(!same);
        expect(selects(only({ includeSchemas: [quoted(a.schema)] }), b)).toBe(
          a.schema === b.schema,
        );
      }),
    );
  });
});

describe('an unquoted name', () => {
  test('without dot, star and quote matches itself', () => {
    for (const name of HOSTILE_NAMES.filter((each) => !/[.*"]/.test(each))) {
      expect(selects(only({ includeTables: [`s.${name}`] }), table('s', name)), name).toBe(true);
      expect(selects(only({ includeTables: [`s.${name}`] }), table('s', `${name}x`)), name).toBe(
        false,
      );
    }
  });

  test('with a star matches any run of characters, also an empty one and newlines', () => {
    const matching = (pattern: string, name: string) =>
      selects(only({ includeTables: [`public.${pattern}`] }), table('public', name));
    expect(matching('*', 'line\nbreak')).toBe(true);
    expect(matching('a*c', 'ac')).toBe(true);
    expect(matching('a*c', 'abcb')).toBe(false);
    expect(matching('my-*', 'my-table')).toBe(true);
    expect(matching('a+', 'aa')).toBe(false);
    expect(matching('Places', 'places')).toBe(false);
    expect(matching(`${'*'.repeat(40)}b`, 'a'.repeat(63))).toBe(false);
  });

  test('of a schema does not match a longer name', () => {
    expect(selects(only({ includeSchemas: ['pub'] }), table('public', 't'))).toBe(false);
    expect(selects(only({ includeSchemas: ['pub*'] }), table('public', 't'))).toBe(true);
  });
});

describe('a selection', () => {
  test('selects everything if it is empty', () => {
    expect(isEverything(EVERYTHING)).toBe(true);
    fc.assert(fc.property(qualifiedName, (name) => selects(EVERYTHING, name)));
  });

  test('excludes what both lists match, by table and by schema', () => {
    const both = only({ includeTables: ['s.t'], excludeTables: ['s.*'] });
    expect(selects(both, table('s', 't'))).toBe(false);
    expect(selects(only({ includeTables: ['s.t'], excludeSchemas: ['s'] }), table('s', 't'))).toBe(
      false,
    );
  });

  test('includes what one of the include lists matches', () => {
    const either = only({ includeTables: ['s.t'], includeSchemas: ['other'] });
    expect(selects(either, table('s', 't'))).toBe(true);
    expect(selects(either, table('other', 'x'))).toBe(true);
    expect(selects(either, table('s', 'x'))).toBe(false);
  });

  test('includes and excludes a partition by its own name and by its root’s', () => {
    const leaf = table('parts', 'sales_1');
    const root = table('public', 'sales');
    expect(selects(only({ includeTables: ['public.sales'] }), leaf, root)).toBe(true);
    expect(selects(only({ includeTables: ['parts.sales_1'] }), leaf, root)).toBe(true);
    expect(selects(only({ includeSchemas: ['public'] }), leaf, root)).toBe(true);
    expect(selects(only({ excludeTables: ['public.sales'] }), leaf, root)).toBe(false);
    expect(selects(only({ includeTables: ['public.sales'] }), leaf)).toBe(false);
  });
});

describe('a typing error in a selection', () => {
  const relations = [{ ...table('p', 'leaf'), partitionRoot: table('s', 'root') }, table('s', 't')];

  test('is found if an include pattern matches nothing', () => {
    const selection = only({
      includeTables: ['s.t', 's.nothing', 's.root'],
      includeSchemas: ['s', 'x'],
    });
    expect(unmatchedIncludes(selection, relations)).toEqual(['s.nothing', 'x']);
  });

  test('is found if a pattern can never match, also an exclude pattern', () => {
    const bad = ['t', 'a.b.c', '', 's.', '.t', '"s.t', 's."t', '"s"x.t', 's"x".t', '"".t'];
    expect(malformedPatterns(only({ excludeTables: bad }))).toEqual(bad);
    expect(malformedPatterns(only({ excludeSchemas: ['s', 's.t', '"a.b"'] }))).toEqual(['s.t']);
    expect(malformedPatterns(only({ includeTables: ['"a.b".c', '*.*'] }))).toEqual([]);
  });

  test('is rejected if a field is unknown or not a list of patterns', () => {
    expect(Selection.safeParse(JSON.parse('{"excludeTable":["s.t"]}')).success).toBe(false);
    expect(
      Selection.safeParse(JSON.parse('{"__proto__":{"includeTables":["s.t"]}}')).data ?? EVERYTHING,
    ).toEqual(EVERYTHING);
  });
});

test('a prepared selection chooses the same relations', () => {
  const part = fc.constantFrom('a', 'b', 'a*', '*', '"a*"', '"a.b"', 'a b');
  const tables = fc.array(
    fc.tuple(part, part).map((parts) => parts.join('.')),
    { maxLength: 3 },
  );
  const schemas = fc.array(part, { maxLength: 2 });
  const selection = fc.record({
    includeTables: tables,
    excludeTables: tables,
    includeSchemas: schemas,
    excludeSchemas: schemas,
  });
  const name = fc.constantFrom('a', 'b', 'ab', 'a*', 'a.b', 'a b');
  const relation = fc.record({ schema: name, name });
  fc.assert(
    fc.property(
      selection,
      relation,
      fc.option(relation, { nil: undefined }),
      (chosen, one, root) => {
        expect(selector(chosen)(one, root)).toBe(selects(chosen, one, root));
      },
    ),
  );
});
