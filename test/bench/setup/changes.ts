/** What happens to the tables between two backups. */
export interface Change {
  readonly name: string;
  /** SQL for the change before a round; the round makes it differ from the others. */
  sql(tables: readonly string[], round: number): readonly string[];
}

const FIRST = 0;

/** Of lineitem tables, whose `orderkey` follows the order in which the rows lie on disk. */
export const CHANGES: readonly Change[] = [
  { name: 'nothing', sql: () => [] },
  {
    name: '1 % of the rows of one table, side by side',
    sql: ([table = ''], round) => [update(table, between(round))],
  },
  {
    name: '1 % of the rows of every table, side by side',
    sql: (tables, round) => tables.map((table) => update(table, between(round))),
  },
  {
    name: '1 % new rows at the end of one table',
    sql: (tables) => {
      const table = tables[1] ?? tables[FIRST] ?? '';
      return [
        `INSERT INTO ${table} SELECT * FROM ${table} WHERE orderkey < (SELECT max(orderkey) / 100 FROM ${table})`,
      ];
    },
  },
  {
    name: 'every hundredth row of one table',
    sql: (tables, round) => [
      update(tables[2] ?? tables[FIRST] ?? '', () => `orderkey % 100 = ${round}`),
    ],
  },
];

const update = (table: string, where: (table: string) => string) =>
  `UPDATE ${table} SET quantity = quantity + 1 WHERE ${where(table)}`;

/** One percent of the order keys, in another place in every round. */
const between = (round: number) => (table: string) =>
  `orderkey BETWEEN (SELECT max(orderkey) FROM ${table}) * ${round * 7} / 100 AND (SELECT max(orderkey) FROM ${table}) * ${round * 7 + 1} / 100`;
