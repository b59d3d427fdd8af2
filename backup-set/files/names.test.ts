import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectedFiles, type Files } from './expected.ts';
import { parseFileName } from './names.ts';

const TIMESTAMP = '20261129015653';

test.each([
  ['gpbackup_20261129015653_metadata.sql', -1, undefined, false, 'none'],
  ['gpbackup_20261129015653_report', -1, undefined, false, 'none'],
  ['gpbackup_0_20261129015653_16407.gz', 0, 16407, true, 'gzip'],
  ['gpbackup_12_20261129015653_16407.zst', 12, 16407, true, 'zstd'],
  ['gpbackup_1_20261129015653_16407', 1, 16407, true, 'none'],
  ['gpbackup_1_20261129015653.gz', 1, undefined, true, 'gzip'],
  ['gpbackup_1_20261129015653', 1, undefined, true, 'none'],
  ['gpbackup_1_20261129015653_toc.yaml', 1, undefined, false, 'none'],
] as const)('%s is a file of a set', (name, content, oid, hasRows, compression) => {
  const wanted = { timestamp: TIMESTAMP, content, oid, hasRows, compression };
  expect(parseFileName(name)).toEqual(wanted);
});

test.each([
  'testdata_20261129015653.txt',
  'gpbackup_0_99999999999999_16407.gz',
  'gpbackup_20261129015653_report.bak',
  'gpbackup_-1_20261129015653_16407',
  '../gpbackup_20261129015653_report',
])('%s belongs to no set', (name) => {
  expect(parseFileName(name)).toBeUndefined();
});

test('every name that the plan expects of a content is read as a file of that content', () => {
  const files: fc.Arbitrary<Files> = fc.record({
    coordinator: fc.constant([`gpbackup_${TIMESTAMP}_report`]),
    layout: fc.constantFrom('per-table', 'single'),
    suffix: fc.constantFrom('.gz', '.zst', ''),
    tables: fc.uniqueArray(
      fc.record({
        schema: fc.constant('s'),
        name: fc.constant('t'),
        oid: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        rows: fc.nat(),
      }),
      { selector: ({ oid }) => oid },
    ),
    needs: fc.constant([]),
  });
  fc.assert(
    fc.property(files, fc.integer({ min: 0, max: 999 }), (some, content) => {
      const names = expectedFiles(some, TIMESTAMP, content);
      expect(new Set(names).size).toBe(names.length);
      const read = names.map((name) => parseFileName(name));
      expect(read.every((file) => file?.content === content)).toBe(true);
      const oids = some.layout === 'single' ? [] : some.tables.map(({ oid }) => oid);
      expect(read.flatMap((file) => file?.oid ?? [])).toEqual(oids);
    }),
  );
});
