import { describe, expect, test } from 'vitest';
import { type CatalogType, typeDescriber } from './types.ts';

const type = (oid: number, change: Partial<CatalogType>): CatalogType => ({
  ...{ oid, schema: 'public', name: `t${oid}`, kind: 'b', parts: [], isArray: false, details: '' },
  ...{ extension: null, extensionVersion: null },
  ...change,
});
const system = (oid: number, name: string) => type(oid, { schema: 'pg_catalog', name });
const text = system(1, 'text');
const described = (oid: number, ...types: CatalogType[]) => typeDescriber([text, ...types])(oid);

describe('a type', () => {
  test('of the system is described by its identity', () => {
    expect(described(1)).toContain('text');
  });

  test('that prints names of other objects is not described', () => {
    for (const name of ['regclass', 'regrole', 'regnamespace', 'aclitem'])
      expect(described(2, system(2, name))).toBeUndefined();
  });

  test('of a user is not described unless it is made of described types', () => {
    expect(described(2, type(2, {}))).toBeUndefined();
    for (const kind of ['d', 'c', 'r', 'm'])
      expect(described(3, type(3, { kind, parts: [1] }))).toBeDefined();
    expect(described(3, type(3, { isArray: true, parts: [1] }))).toBeDefined();
    expect(described(3, type(2, {}), type(3, { kind: 'c', parts: [1, 2] }))).toBeUndefined();
    expect(described(3, type(3, { kind: 'd', parts: [9] }))).toBeUndefined();
    expect(described(3, type(3, { kind: 'p' }))).toBeUndefined();
    expect(described(3, type(3, { kind: 'c', parts: [3] }))).toBeUndefined();
  });

  test('of an extension that we know is described with the version of the extension', () => {
    const of = (extension: string, extensionVersion: string) =>
      described(2, type(2, { extension, extensionVersion }));
    expect(of('hstore', '1.8')).toBeDefined();
    expect(of('hstore', '1.8')).not.toBe(of('hstore', '1.9'));
    expect(of('unknown', '1.0')).toBeUndefined();
    const inCatalog = { schema: 'pg_catalog', name: 'varchar2', extension: 'orafce' };
    expect(described(2, type(2, inCatalog))).toBeUndefined();
  });

  test('is described by its labels and by those of its parts', () => {
    const of = (details: string) =>
      described(3, type(2, { kind: 'e', details }), type(3, { kind: 'd', parts: [2] }));
    expect(of('a')).not.toBe(of('b'));
  });
});
