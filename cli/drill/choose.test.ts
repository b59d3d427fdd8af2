import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { selector } from '../../backup-set/base/selection.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { choose } from './choose.ts';

interface Table {
  readonly schema: string;
  readonly name: string;
  readonly rows?: number;
  readonly root?: string;
}

function manifestOf(tables: readonly Table[], contents = 1, flavour = 'shards'): Manifest {
  const relations = tables.map(({ schema, name, rows = 1, root }, id) => ({
    id,
    schema,
    name,
    totals: { rows },
    ...(root !== undefined && { partitionRoot: { schema, name: root } }),
  }));
  const all = Array.from({ length: contents }, (_, content) => ({ content }));
  return { timestamp: '20261129000000', flavour, relations, contents: all } as unknown as Manifest;
}

const chosenOf = (manifest: Manifest, tables: number, seed: string) => {
  const { selection } = choose(manifest, { kind: 'sample', tables }, { seed, serversMax: 8 });
  const selects = selector(selection);
  return manifest.relations.filter((each) => selects(each, each.partitionRoot));
};

const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0'));
const tables = fc.uniqueArray(fc.record({ schema: name, name, rows: fc.nat(3) }), {
  selector: (table) => JSON.stringify([table.schema, table.name]),
  maxLength: 30,
  minLength: 1,
});

test('a sample has exactly the wanted number of tables, whatever their names are', () => {
  fc.assert(
    fc.property(tables, fc.integer({ min: 1, max: 40 }), fc.string(), (all, wanted, seed) => {
      const chosen = chosenOf(manifestOf(all), wanted, seed);
      expect(chosen).toHaveLength(Math.min(wanted, all.length));
    }),
  );
});

test('the same seed chooses the same tables, and other seeds choose all tables in the end', () => {
  const all = Array.from({ length: 20 }, (_, at) => ({ schema: 's', name: `t${at}` }));
  const manifest = manifestOf(all);
  const names = (seed: number) => chosenOf(manifest, 3, String(seed)).map((each) => each.name);
  expect(names(1)).toEqual(names(1));
  const seen = new Set(Array.from({ length: 60 }, (_, seed) => names(seed)).flat());
  expect(seen.size).toBe(20);
});

test('a sample prefers tables with rows', () => {
  const all = Array.from({ length: 20 }, (_, at) => ({
    schema: 's',
    name: `t${at}`,
    rows: at % 4 === 0 ? 1 : 0,
  }));
  expect(chosenOf(manifestOf(all), 5, 'x').every(({ totals }) => totals.rows > 0)).toBe(true);
});

test('a partitioned table counts once and is chosen with all its leaves', () => {
  const leaves = Array.from({ length: 4 }, (_, at) => ({
    schema: 's',
    name: `p${at}`,
    root: 'p',
  }));
  expect(chosenOf(manifestOf(leaves), 1, 'x')).toHaveLength(4);
});

test('a set with more contents than servers is restored in part, and other seeds reach all', () => {
  const manifest = manifestOf([{ schema: 's', name: 't' }], 12);
  const chosen = (seed: number) =>
    choose(manifest, { kind: 'sample', tables: 1 }, { seed: String(seed), serversMax: 4 })
      .contents ?? [];
  expect(chosen(1)).toHaveLength(4);
  expect(new Set(Array.from({ length: 40 }, (_, seed) => chosen(seed)).flat()).size).toBe(12);
});

test('a drill of the whole set with too many contents is refused, and names the other ways', () => {
  const manifest = manifestOf([{ schema: 's', name: 't' }], 12);
  expect(() => choose(manifest, { kind: 'all' }, { seed: '', serversMax: 8 })).toThrow(
    /12 contents.*at most 8 servers: use --sample, or --into/,
  );
});

test('a set of Greenplum needs one server, whatever number of contents it has', () => {
  const manifest = manifestOf([{ schema: 's', name: 't' }], 12, 'greenplum');
  expect(choose(manifest, { kind: 'all' }, { seed: '', serversMax: 8 }).contents).toBeUndefined();
});
