/** The part of a session that runs one statement and returns its rows. */
export interface Asks {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}
