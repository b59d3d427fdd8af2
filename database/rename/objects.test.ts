import { expect, test } from 'vitest';
import { madeNames } from './made-names.ts';
import { renamedObject } from './objects.ts';

let id = 0;
const object = (kind: string, schema: string, name: string, dependsOn: number[] = []) => ({
  id: ++id,
  kind,
  schema,
  name,
  dependsOn,
  section: 'pre-data' as const,
  inline: undefined,
  setsNull: false,
});

const TABLE = object('TABLE', 'sales', 'orders');
const PARTS = [
  object('SEQUENCE', 'sales', 'orders_id_seq', [TABLE.id]),
  object('CONSTRAINT', 'sales', 'orders orders_pkey', [TABLE.id]),
  object('INDEX', 'sales', 'by note', [TABLE.id]),
  object('STATISTICS', 'sales', 'orders_stats', [TABLE.id]),
];

test.each([
  [TABLE, 'sales', 'copy'],
  [PARTS[0], 'sales', 'copy_id_seq'],
  [PARTS[1], 'sales', 'copy copy_pkey'],
  [PARTS[2], 'sales', 'by note_copy'],
  [PARTS[3], 'sales', 'copy_stats'],
  [object('DEFAULT', 'sales', 'orders id'), 'sales', 'copy id'],
  [object('TRIGGER', 'sales', 'orders orders_pkey'), 'sales', 'copy orders_pkey'],
  [object('COMMENT', 'sales', 'TABLE orders'), 'sales', 'TABLE "copy"'],
  [object('COMMENT', 'sales', 'COLUMN orders.orders'), 'sales', 'COLUMN "copy".orders'],
  [object('COMMENT', 'sales', 'COLUMN sales.orders.id'), 'sales', 'COLUMN sales."copy".id'],
  [object('COMMENT', 'sales', 'INDEX "by note"'), 'sales', 'INDEX "by note_copy"'],
  [
    object('COMMENT', 'sales', 'CONSTRAINT orders_pkey ON orders'),
    'sales',
    'CONSTRAINT "copy_pkey" ON "copy"',
  ],
  [object('COMMENT', 'sales', 'TRIGGER touch ON orders'), 'sales', 'TRIGGER touch ON "copy"'],
  [object('TYPE', 'sales', 'mood'), 'sales', 'mood'],
  [object('FUNCTION', 'sales', 'orders(integer)'), 'sales', 'orders(integer)'],
])('with a new name for the table, %j is %s %s', (one, schema, name) => {
  const into = {
    from: { schema: 'sales', name: 'orders' },
    table: { schema: 'sales', name: 'copy' },
  };
  const names = madeNames(into, [TABLE, ...PARTS]);
  expect(renamedObject(one ?? TABLE, names)).toMatchObject({ schema, name });
});

test.each([
  [object('SCHEMA', '', 'sales'), '', 'new'],
  [TABLE, 'new', 'orders'],
  [PARTS[1], 'new', 'orders orders_pkey'],
  [object('FUNCTION', 'sales', 'f(sales.mood, text)'), 'new', 'f("new".mood, text)'],
  [
    object('FUNCTION', 'sales', 'it\'s (a)(sales."Mo(od", text)'),
    'new',
    'it\'s (a)(sales."Mo(od", text)',
  ],
  [object('FUNCTION', 'sales', "it's (a)(sales.mood[])"), 'new', `it's (a)("new".mood[])`],
  [object('CAST', '', 'CAST (sales.mood AS text)'), '', 'CAST ("new".mood AS text)'],
  [object('COMMENT', '', 'SCHEMA sales'), '', 'SCHEMA "new"'],
  [object('ACL', 'sales', 'FUNCTION f(a sales.mood)'), 'new', 'FUNCTION f(a "new".mood)'],
  [
    object('DEFAULT ACL', 'sales', 'DEFAULT PRIVILEGES FOR TABLES'),
    'new',
    'DEFAULT PRIVILEGES FOR TABLES',
  ],
  [object('TABLE', 'other', 'orders'), 'other', 'orders'],
  [object('EXTENSION', '', 'sales'), '', 'sales'],
])('with a new name for the schema, %j is %s %s', (one, schema, name) => {
  const made = [TABLE, ...PARTS, object('TYPE', 'sales', 'mood')];
  const names = madeNames({ from: 'sales', schema: 'new' }, made);
  expect(renamedObject(one ?? TABLE, names)).toMatchObject({ schema, name });
});
