import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOSTILE_NAMES, qualifiedName, quoted } from '../testing/names.ts';
import {
  EVERYTHING,
  isEverything,
  malformedPatterns,
  parsePattern,
  type QualifiedName,
  Selection,
  selector,
  unmatchedIncludes,
} from './selection.ts';

const only = (part: Partial<Selection>): Selection => ({ ...EVERYTHING, ...part });
const table = (schema: string, name: string) => ({ schema, name });
const selects = (selection: Selection, relation: QualifiedName, root?: QualifiedName) =>
  selector(selection)(relation, root);

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

/** The rule, pattern by pattern. */
function chosenOneByOne(
  { includeTables, includeSchemas, excludeTables, excludeSchemas }: Selection,
  relation: QualifiedName,
  root?: QualifiedName,
): boolean {
  const names = root === undefined ? [relation] : [relation, root];
  const isNamed = (pattern: string, parts: readonly string[]) => {
    const found = parsePattern(pattern);
    return found?.length === parts.length && found.every((part, at) => part.test(parts[at] ?? ''));
  };
  const any = (tables: readonly string[], schemas: readonly string[]) =>
    names.some(
      ({ schema, name }) =>
        tables.some((pattern) => isNamed(pattern, [schema, name])) ||
        schemas.some((pattern) => isNamed(pattern, [schema])),
    );
  if (any(excludeTables, excludeSchemas)) return false;
  return includeTables.length + includeSchemas.length === 0 || any(includeTables, includeSchemas);
}

test('a prepared selection chooses the same relations as its patterns one by one', () => {
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
        expect(selects(chosen, one, root)).toBe(chosenOneByOne(chosen, one, root));
      },
    ),
  );
});

test('a selection of 9,000 tables is parsed once, for any number of relations', () => {
  const relations = Array.from({ length: 9000 }, (_, at) => table('s', `t${at}`));
  const includeTables = relations.map(({ schema, name }) => `${schema}.${name}`);
  let reads = 0;
  const counting = new Proxy(includeTables, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1;
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  const selection = only({ includeTables: counting });
  const isSelected = selector(selection);
  expect(relations.filter((each) => isSelected(each))).toHaveLength(9000);
  expect(unmatchedIncludes(selection, relations.slice(1))).toEqual(['s.t0']);
  expect(reads).toBeLessThan(4 * 9000);
});

test('an include pattern is unmatched when no relation is selected by it alone', () => {
  const part = fc.constantFrom('a', 'b', 'a*', '*', '"a*"', '"a.b"', 'a b');
  const patterns = fc.array(
    fc.oneof(
      part,
      fc.tuple(part, part).map((parts) => parts.join('.')),
    ),
    {
      maxLength: 4,
    },
  );
  const name = fc.constantFrom('a', 'b', 'ab', 'a*', 'a.b', 'a b');
  const relation = fc.record({ schema: name, name });
  const relations = fc.array(
    fc.record({ schema: name, name, partitionRoot: fc.option(relation) }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(patterns, patterns, relations, (includeTables, includeSchemas, all) => {
      const isUsed = (alone: Partial<Selection>) =>
        all.some((one) => chosenOneByOne(only(alone), one, one.partitionRoot ?? undefined));
      expect(unmatchedIncludes(only({ includeTables, includeSchemas }), all)).toEqual([
        ...includeTables.filter((pattern) => !isUsed({ includeTables: [pattern] })),
        ...includeSchemas.filter((pattern) => !isUsed({ includeSchemas: [pattern] })),
      ]);
    }),
  );
});
