import type { Random } from '../../chaos/random.ts';

/** What a change of the database chooses from. */
export interface GreenplumScene {
  readonly random: Random;
  /** A number that no other change of this world has. */
  readonly salt: number;
}

export interface GreenplumChange {
  readonly name: string;
  readonly weight: number;
  sql(scene: GreenplumScene): readonly string[];
}

const HEAP = ['heap_one', 'heap_two', 'heap_wide', 'heap_random', 'heap_copies'];
const APPENDED = ['ao_one', 'ao_two', 'ao_wide', 'ao_indexed', 'ao_copies', 'column_one'];
const COLUMNS = ['column_two', 'column_moods'];
const PARTED = ['leaves_heap', 'leaves_ao', 'leaves_column'];
const WHOLE = [...HEAP, ...APPENDED, ...COLUMNS];
const ALL = [...WHOLE, ...PARTED];

const fill = (salt: number, count: number) =>
  `SELECT g + ${salt}, md5((g * ${salt + 1})::text), g % 4, g FROM generate_series(1, ${count}) g`;
const into = (table: string) => `INSERT INTO ${table} (id, word, part, n)`;
const some = ({ random }: GreenplumScene) =>
  random.chance(0.4) ? `id = ${random.below(600)}` : `id % ${2 + random.below(30)} = 0`;

export function insert(scene: GreenplumScene, table = scene.random.pick(ALL)): string {
  return `${into(table)} ${fill(scene.salt, 1 + scene.random.below(150))}`;
}
export function update(scene: GreenplumScene, table = scene.random.pick(ALL)): string {
  return `UPDATE ${table} SET word = md5('${scene.salt}') WHERE ${some(scene)}`;
}
export function remove(scene: GreenplumScene, table = scene.random.pick(ALL)): string {
  return `DELETE FROM ${table} WHERE ${some(scene)}`;
}

/** One statement that changes rows. */
export function anyRows(scene: GreenplumScene): string {
  return scene.random.pick([insert, update, remove])(scene);
}

function swap(one: string, other: string): string[] {
  const names = [
    [one, 'between'],
    [other, one],
    ['between', other],
  ];
  return ['BEGIN', ...names.map(([a, b]) => `ALTER TABLE ${a} RENAME TO ${b}`), 'COMMIT'];
}

export const GREENPLUM_CHANGES: readonly GreenplumChange[] = [
  { name: 'insert', weight: 10, sql: (s) => [insert(s)] },
  { name: 'update', weight: 10, sql: (s) => [update(s)] },
  { name: 'delete', weight: 8, sql: (s) => [remove(s)] },
  // pg_aoseg stays as it was, only pg_aovisimap changes.
  {
    name: 'delete of append-optimized rows',
    weight: 8,
    sql: (s) => [remove(s, s.random.pick([...APPENDED, ...COLUMNS]))],
  },
  { name: 'truncate', weight: 2, sql: (s) => [`TRUNCATE ${s.random.pick(ALL)}`] },
  {
    name: 'truncate and fill again',
    weight: 3,
    sql: (s) => {
      const table = s.random.pick(ALL);
      return [`TRUNCATE ${table}`, insert(s, table)];
    },
  },
  {
    name: 'truncate, rolled back',
    weight: 2,
    sql: (s) => ['BEGIN', `TRUNCATE ${s.random.pick(ALL)}`, 'ROLLBACK'],
  },
  {
    name: 'the same rows again',
    weight: 4,
    sql: (s) => {
      const table = s.random.pick(WHOLE);
      return ['BEGIN', `DELETE FROM ${table}`, `${into(table)} ${fill(1, 120)}`, 'COMMIT'];
    },
  },
  {
    name: 'subtransactions',
    weight: 6,
    sql: (s) => {
      const parts = ['BEGIN', anyRows(s), 'SAVEPOINT a', anyRows(s)];
      parts.push(s.random.chance(0.5) ? 'ROLLBACK TO a' : 'RELEASE a', anyRows(s));
      return [...parts, s.random.chance(0.7) ? 'COMMIT' : 'ROLLBACK'];
    },
  },
  { name: 'vacuum', weight: 4, sql: (s) => [`VACUUM ${s.random.pick(ALL)}`] },
  { name: 'vacuum full', weight: 3, sql: (s) => [`VACUUM FULL ${s.random.pick(ALL)}`] },
  { name: 'vacuum freeze', weight: 2, sql: (s) => [`VACUUM FREEZE ${s.random.pick(ALL)}`] },
  { name: 'analyze', weight: 1, sql: () => ['ANALYZE'] },
  {
    name: 'reorganize',
    weight: 3,
    sql: (s) => [`ALTER TABLE ${s.random.pick(WHOLE)} SET WITH (reorganize=true)`],
  },
  {
    name: 'add column with default',
    weight: 4,
    sql: (s) => [`ALTER TABLE ${s.random.pick(ALL)} ADD COLUMN extra int DEFAULT ${s.salt}`],
  },
  {
    name: 'drop column',
    weight: 4,
    sql: (s) => [`ALTER TABLE ${s.random.pick(ALL)} DROP COLUMN extra`],
  },
  {
    name: 'change type',
    weight: 3,
    sql: (s) => [
      `ALTER TABLE ${s.random.pick(WHOLE)} ALTER COLUMN word TYPE ${s.random.pick(['text', 'varchar', 'varchar(20000)'])}`,
    ],
  },
  { name: 'add enum label', weight: 1, sql: (s) => [`ALTER TYPE mood ADD VALUE 'new${s.salt}'`] },
  { name: 'swap heap tables', weight: 3, sql: () => swap('heap_one', 'heap_two') },
  { name: 'swap append-optimized tables', weight: 3, sql: () => swap('ao_one', 'ao_two') },
  {
    name: 'drop and create again',
    weight: 3,
    sql: (s) => {
      const options = s.random.pick([
        '',
        'WITH (appendonly=true)',
        'WITH (appendonly=true, orientation=column)',
      ]);
      const table = s.random.pick(['heap_two', 'ao_two', 'column_two']);
      const columns = '(id int, word text, part int, n numeric)';
      const make = `CREATE TABLE ${table} ${columns} ${options} DISTRIBUTED BY (id)`;
      return ['BEGIN', `DROP TABLE ${table}`, make, insert(s, table), 'COMMIT'];
    },
  },
  {
    name: 'exchange partition',
    weight: 3,
    sql: (s) => [
      `ALTER TABLE ${s.random.pick(PARTED)} EXCHANGE PARTITION FOR (1) WITH TABLE outside_exchange`,
    ],
  },
  {
    name: 'truncate partition',
    weight: 2,
    sql: (s) => [
      `ALTER TABLE ${s.random.pick(PARTED)} TRUNCATE PARTITION FOR (${s.random.below(4)})`,
    ],
  },
  {
    name: 'drop and add partition',
    weight: 2,
    sql: (s) => {
      const table = s.random.pick(PARTED);
      return [
        `ALTER TABLE ${table} DROP PARTITION FOR (3)`,
        `ALTER TABLE ${table} ADD PARTITION START (3) END (4)`,
      ];
    },
  },
  { name: 'checkpoint', weight: 2, sql: () => ['CHECKPOINT'] },
];
