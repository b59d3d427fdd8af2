import { quoteIdentifier, quoteLiteral } from '../../../database/session/quote.ts';
import { type ModelTable, valueFor } from '../schema.ts';
import type { Change, Scene } from './action.ts';

/** INSERT of some rows whose values follow from the salt. */
export function insertInto(scene: Scene, { sql, columns }: ModelTable, rows: number): string {
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const values = columns.map((column) => valueFor(column, scene, `(g + ${scene.salt})`)).join(', ');
  if (columns.length === 0) return `INSERT INTO ${sql} DEFAULT VALUES`;
  return `INSERT INTO ${sql} (${list}) SELECT ${values} FROM generate_series(1, ${rows}) g`;
}

/** One row, or about a tenth of all rows. */
function someRows({ random }: Scene, { sql }: ModelTable): string {
  const at = random.below(200);
  return random.chance(0.5)
    ? `ctid = (SELECT ctid FROM ONLY ${sql} ORDER BY ctid OFFSET ${at} LIMIT 1)`
    : `hashtext(ctid::text) % 10 = ${at % 10}`;
}

export function updateOf(scene: Scene, table: ModelTable): string {
  const { random, salt } = scene;
  if (table.columns.length === 0) return `DELETE FROM ONLY ${table.sql}`;
  const column = random.pick(table.columns);
  const value = valueFor(column, scene, String(salt));
  return `UPDATE ONLY ${table.sql} SET ${quoteIdentifier(column.name)} = ${value} WHERE ${someRows(scene, table)}`;
}

export function deleteFrom(scene: Scene, table: ModelTable): string {
  return `DELETE FROM ONLY ${table.sql} WHERE ${someRows(scene, table)}`;
}

/** One statement that changes rows. */
export function anyRows(scene: Scene, table = scene.table()): string {
  const { random } = scene;
  const kind = random.below(4);
  if (kind === 0) return deleteFrom(scene, table);
  return kind === 1 ? insertInto(scene, table, 1 + random.below(50)) : updateOf(scene, table);
}

const big = (salt: number) =>
  `(SELECT string_agg(md5((i * ${salt})::text), '') FROM generate_series(1, 300) i)`;

/** Of several ranges, as long as the world leaves it so. */
const isLarge = ({ name }: ModelTable) =>
  ['plain', 'enums', 'pairs', 'times', 'grown'].includes(name);

/** Changes of rows, and rewrites that leave them as they are. */
export const ROW_CHANGES: readonly Change[] = [
  { name: 'insert', weight: 8, sql: (s) => [insertInto(s, s.table(), 1 + s.random.below(200))] },
  { name: 'update', weight: 12, sql: (s) => [updateOf(s, s.table())] },
  {
    name: 'one row of a large table',
    weight: 8,
    sql: (s) => {
      const { sql } = s.table(isLarge);
      const at = `(SELECT ctid FROM ONLY ${sql} ORDER BY ctid OFFSET ${s.random.below(3000)} LIMIT 1)`;
      return [`UPDATE ONLY ${sql} SET id = ${s.salt} WHERE ctid = ${at}`];
    },
  },
  {
    name: 'grow, and analyze',
    weight: 4,
    sql: (s) => {
      const table = s.table(isLarge);
      return [insertInto(s, table, 400), `ANALYZE ${table.sql}`];
    },
  },
  { name: 'delete', weight: 6, sql: (s) => [deleteFrom(s, s.table())] },
  { name: 'delete all', weight: 1, sql: (s) => [`DELETE FROM ONLY ${s.table().sql}`] },
  { name: 'truncate', weight: 2, sql: (s) => [`TRUNCATE ONLY ${s.table().sql}`] },
  {
    name: 'truncate and fill again',
    weight: 3,
    sql: (s) => {
      const table = s.table();
      return [`TRUNCATE ONLY ${table.sql}`, insertInto(s, table, 200)];
    },
  },
  {
    name: 'truncate, rolled back',
    weight: 2,
    sql: (s) => ['BEGIN', `TRUNCATE ONLY ${s.table().sql}`, 'ROLLBACK'],
  },
  {
    name: 'delete at the end, then vacuum',
    weight: 3,
    sql: (s) => {
      const { sql } = s.table();
      const end = `DELETE FROM ONLY ${sql} WHERE (ctid::text::point)[0] > 2`;
      return [end, `VACUUM ${sql}`, insertInto(s, s.table(), 20)];
    },
  },
  {
    // As it is before the first ANALYZE after many rows came.
    name: 'statistics of a smaller table',
    weight: 3,
    sql: (s) => [
      `UPDATE pg_class SET relpages = ${4 + s.random.below(6)} WHERE oid = ${quoteLiteral(s.table(isLarge).sql)}::regclass`,
    ],
  },
  {
    // As a crash leaves it between the truncation of a VACUUM and its statistics.
    name: 'cut off the end, with old statistics',
    weight: 4,
    sql: (s) => {
      const { sql } = s.table();
      const entry = `pg_class WHERE oid = ${quoteLiteral(sql)}::regclass`;
      return [
        `SELECT set_config('model.pages', relpages::text, false) FROM ${entry}`,
        `DELETE FROM ONLY ${sql} WHERE (ctid::text::point)[0] > 3`,
        `VACUUM ${sql}`,
        `UPDATE ${entry.replace(' WHERE', ` SET relpages = current_setting('model.pages')::int WHERE`)}`,
      ];
    },
  },
  {
    name: 'toasted value',
    weight: 4,
    sql: (s) => [`UPDATE wide SET big = ${big(s.salt)} WHERE id = ${1 + s.random.below(30)}`],
  },
  {
    name: 'large row',
    weight: 2,
    sql: (s) => [`INSERT INTO wide (id, big) VALUES (${s.salt}, repeat(${big(s.salt)}, 40))`],
  },
  {
    name: 'subtransactions',
    weight: 5,
    sql: (s) => {
      const parts = ['BEGIN', anyRows(s), 'SAVEPOINT a', anyRows(s)];
      parts.push(s.random.chance(0.5) ? 'ROLLBACK TO a' : 'RELEASE a');
      parts.push('SAVEPOINT b', anyRows(s), 'ROLLBACK TO b', anyRows(s));
      return [...parts, s.random.chance(0.7) ? 'COMMIT' : 'ROLLBACK'];
    },
  },
  { name: 'vacuum', weight: 2, sql: (s) => [`VACUUM ${s.table().sql}`] },
  { name: 'vacuum full', weight: 2, sql: (s) => [`VACUUM FULL ${s.table().sql}`] },
  { name: 'vacuum freeze', weight: 2, sql: (s) => [`VACUUM FREEZE ${s.table().sql}`] },
  { name: 'analyze', weight: 1, sql: () => ['ANALYZE'] },
  {
    name: 'cluster',
    weight: 2,
    sql: (s) => {
      const { sql, columns } = s.table(({ columns: [first] }) => first?.type === 'integer');
      const [first] = columns;
      const index = `CREATE INDEX IF NOT EXISTS by_${s.salt} ON ${sql} (${quoteIdentifier(first?.name ?? 'id')})`;
      return [index, `CLUSTER ${sql} USING by_${s.salt}`];
    },
  },
];
