import { quoteIdentifier } from '../../../database/session/quote.ts';
import type { ModelTable } from '../schema.ts';
import type { Change, Scene } from './action.ts';
import { insertInto } from './rows.ts';

const isWhole = ({ isPartition, name }: ModelTable) =>
  !isPartition && name !== 'plain' && name !== 'child';

/** A column that may go: the others are used by later changes. */
const extraOf = ({ columns }: ModelTable) => columns.find(({ name }) => name.startsWith('extra'));
const hasExtra = (table: ModelTable) => isWhole(table) && extraOf(table) !== undefined;

function swap(one: string, other: string): string[] {
  const names = [
    [one, 'between'],
    [other, one],
    ['between', other],
  ];
  return ['BEGIN', ...names.map(([a, b]) => `ALTER TABLE ${a} RENAME TO ${b}`), 'COMMIT'];
}

function dropAndAdd(scene: Scene): string[] {
  const { sql, ...table } = scene.table(hasExtra);
  const { name, type } = extraOf({ sql, ...table }) ?? { name: 'extra', type: 'text' };
  const column = quoteIdentifier(name);
  return [
    `ALTER TABLE ${sql} DROP COLUMN ${column}`,
    `ALTER TABLE ${sql} ADD COLUMN ${column} ${type}`,
  ];
}

/** Types between which PostgreSQL changes a column without writing its rows again, and others. */
const TYPES = ['text', 'varchar(200)', 'varchar(300)', 'short', 'varchar'];
const TIMES = ['timestamptz', 'timestamp'];

/** Changes of the catalogs that change the text of rows, most of them without a change of pages. */
export const DEFINITION_CHANGES: readonly Change[] = [
  {
    name: 'add column with default',
    weight: 4,
    sql: (s) => [
      `ALTER TABLE ${s.table(isWhole).sql} ADD COLUMN extra_${s.salt} ${s.random.pick([`text DEFAULT 'd${s.salt}'`, `int DEFAULT ${s.salt}`, `mood DEFAULT 'happy'`, 'text'])}`,
    ],
  },
  {
    name: 'drop column',
    weight: 3,
    sql: (s) => {
      const table = s.table(hasExtra);
      return [
        `ALTER TABLE ${table.sql} DROP COLUMN ${quoteIdentifier(extraOf(table)?.name ?? 'none')}`,
      ];
    },
  },
  { name: 'drop column and add it again', weight: 4, sql: dropAndAdd },
  {
    name: 'swap two columns by name',
    weight: 2,
    sql: (s) => {
      const [a, b] = s.random.chance(0.5) ? ['f', 'i'] : ['i', 'f'];
      const rename = (from: string, to: string) =>
        `ALTER TABLE times RENAME COLUMN ${from} TO ${to}`;
      return [
        'BEGIN',
        rename(a ?? '', 'x'),
        rename(b ?? '', a ?? ''),
        rename('x', b ?? ''),
        'COMMIT',
      ];
    },
  },
  {
    name: 'rename enum label',
    weight: 4,
    sql: (s) => [`ALTER TYPE mood RENAME VALUE '${s.random.pick(s.labels)}' TO 'mood${s.salt}'`],
  },
  {
    name: 'swap enum labels',
    weight: 3,
    sql: (s) => {
      const [a, b] = s.random.shuffled(s.labels);
      const rename = (from = '', to = '') => `ALTER TYPE mood RENAME VALUE '${from}' TO '${to}'`;
      return ['BEGIN', rename(a, 'between'), rename(b, a), rename('between', b), 'COMMIT'];
    },
  },
  { name: 'add enum label', weight: 1, sql: (s) => [`ALTER TYPE mood ADD VALUE 'new${s.salt}'`] },
  {
    name: 'add attribute',
    weight: 2,
    sql: (s) => [`ALTER TYPE pair ADD ATTRIBUTE more${s.salt} int CASCADE`],
  },
  {
    name: 'drop attribute',
    weight: 2,
    sql: (s) => {
      const name = s.attributes.find((attribute) => attribute.startsWith('more'));
      return [`ALTER TYPE pair DROP ATTRIBUTE ${name ?? 'none'} CASCADE`];
    },
  },
  {
    name: 'change type of text',
    weight: 3,
    sql: (s) => {
      const { sql } = s.table(
        (table) => isWhole(table) && table.columns.some(({ name }) => name === 'word'),
      );
      return [`ALTER TABLE ${sql} ALTER COLUMN word TYPE ${s.random.pick(TYPES)}`];
    },
  },
  {
    name: 'change type of times',
    weight: 3,
    sql: (s) => [`ALTER TABLE times ALTER COLUMN at TYPE ${s.random.pick(TIMES)}`],
  },
  {
    name: 'change type from names to numbers',
    weight: 2,
    sql: (s) => [`ALTER TABLE names ALTER COLUMN c TYPE ${s.random.pick(['oid', 'regclass'])}`],
  },
  { name: 'swap tables by name', weight: 4, sql: () => swap('left_one', 'right_one') },
  {
    name: 'swap tables by name, and write',
    weight: 2,
    sql: (s) => [...swap('left_one', 'right_one'), insertInto(s, s.table(), 5)],
  },
  { name: 'rename what names refer to', weight: 3, sql: () => swap('enums', 'pairs') },
  {
    name: 'rename a role',
    weight: 2,
    sql: (s) => [`ALTER ROLE ${s.random.pick(s.roles)} RENAME TO clerk${s.salt}`],
  },
  {
    name: 'drop and create again',
    weight: 3,
    sql: (s) => {
      const { sql } = s.table(({ name }) => name.endsWith('_one'));
      const fill = `SELECT g AS id, md5((g * ${s.salt})::text) AS word FROM generate_series(1, 500) g`;
      return ['BEGIN', `DROP TABLE ${sql}`, `CREATE TABLE ${sql} AS ${fill}`, 'COMMIT'];
    },
  },
  {
    name: 'detach and attach',
    weight: 2,
    sql: (s) => {
      const at = s.random.below(3);
      const detach = `ALTER TABLE parted DETACH PARTITION part_${at}`;
      const attach = `ALTER TABLE parted ATTACH PARTITION part_${at} FOR VALUES IN (${at})`;
      return s.random.pick([[detach], [attach], [detach, attach]]);
    },
  },
  {
    name: 'switch unlogged and logged',
    weight: 2,
    sql: (s) => {
      const { sql, isUnlogged } = s.table(isWhole);
      return [`ALTER TABLE ${sql} SET ${isUnlogged ? 'LOGGED' : 'UNLOGGED'}`];
    },
  },
  {
    name: 'write into unlogged',
    weight: 4,
    sql: (s) => [
      insertInto(
        s,
        s.table(({ isUnlogged }) => isUnlogged),
        20,
      ),
    ],
  },
  {
    name: 'settings of the database',
    weight: 3,
    sql: (s) => {
      const set = [
        `TimeZone = '${s.random.pick(['UTC', 'Asia/Tokyo'])}'`,
        `extra_float_digits = 0`,
      ];
      set.push(`lc_monetary = '${s.random.pick(['C', 'C.UTF-8'])}'`, `IntervalStyle = 'iso_8601'`);
      return [`ALTER DATABASE model SET ${s.random.pick(set)}`];
    },
  },
  { name: 'reset statistics', weight: 1, sql: () => ['SELECT pg_stat_reset()'] },
];
