import { expect, test } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { LoadRelation } from '../../../backup-set/documents/restore/restore.ts';
import { failedLoad } from './again.ts';
import { toleratedLoads } from './tolerated.ts';

const relation = (name: string): LoadRelation => ({
  id: 1,
  schema: 's',
  name,
  columns: [],
  rows: 7,
  bytes: 70,
  extents: [],
});
const rejection = (code: string) =>
  Object.assign(new Error('no'), { code, severity: 'ERROR', table: 'a', constraint: 'c' });

function split(error: unknown, onError?: 'continue') {
  const order = { content: 0, ...(onError && { onError }) };
  const loads = toleratedLoads(order, onError ? [relation('absent')] : []);
  return loads.split([loads.note(error, failedLoad(error, 0, relation('a'))).problem]);
}

test('rows that the server rejects fail the order, and with continue are listed as not loaded', () => {
  expect(split(rejection('23514'))).toMatchObject({
    problems: [{ relation: { name: 'a' } }],
    notLoaded: [],
  });
  expect(split(rejection('23514'), 'continue')).toMatchObject({
    problems: [],
    notLoaded: [
      { schema: 's', name: 'absent', rows: 7 },
      { schema: 's', name: 'a', rows: 7 },
    ],
    leftOut: {
      problemsTotal: 2,
      problems: [
        { code: 'relation-not-loaded', relation: { name: 'absent' } },
        { code: 'relation-not-loaded', relation: { name: 'a' } },
      ],
    },
  });
});

test.each([
  ['a lost connection', new Error('Connection terminated unexpectedly')],
  ['a server that shuts down', rejection('57P01')],
  [
    'a stalled server',
    new StowageError('database/stalled', 'silent', { cause: rejection('57014') }),
  ],
  ['a damaged frame', new StowageError('set/damaged', 'crc')],
  ['a count that differs', new StowageError('database/count', 'the server counted 3 rows')],
])('%s fails the order, also with continue', (_, error) => {
  expect(split(error, 'continue')).toMatchObject({ problems: [{ relation: { name: 'a' } }] });
});
