import type { CopyRelation } from '../../database/copy/copy-out.ts';

/**
 * Relations for tests that receive rows: tables of narrow, wide and mixed rows, and of rows longer
 * than a block; a view that is never read to its end; a view that fails midway; a view that sends
 * notices and parameter changes between its rows.
 */
export const RELATIONS = `
  CREATE TABLE lineitem AS SELECT n, n % 200 AS p, (n % 50)::numeric(15,2) AS q, date '1995-01-01' + n % 2500 AS d, 'DELIVER IN PERSON' AS i,
    md5(n::text) AS c, substr('carefully final deposits', 1, n % 24) AS t FROM generate_series(1, 20000) n;
  CREATE TABLE narrow AS SELECT n, n % 10 AS m FROM generate_series(1, 200000) n;
  CREATE TABLE wide AS SELECT n, repeat(md5(n::text), 62) AS t FROM generate_series(1, 3000) n;
  CREATE TABLE mixed AS SELECT n, repeat(chr(97 + n % 26), (n * 7919) % (CASE WHEN n % 50 = 0 THEN 1000000 ELSE 3000 END)) AS t
    FROM generate_series(1, 300) n;
  CREATE TABLE longest AS SELECT repeat('0123456789', 500000) AS t FROM generate_series(1, 2);
  CREATE VIEW endless AS SELECT n, repeat('x', 1000) AS t FROM (SELECT generate_series(1, 100000000) AS n) AS s;
  CREATE VIEW breaks AS SELECT n, 1 / (300000 - n) AS t FROM (SELECT generate_series(1, 1000000) AS n) AS s;
  CREATE FUNCTION talk(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    IF n % 100 = 0 THEN RAISE NOTICE 'row %', n; PERFORM set_config('application_name', 'row ' || n, false); END IF; RETURN n; END $$;
  CREATE VIEW talks AS SELECT talk(n) AS n FROM generate_series(1, 20000) n;`;

/** A view as a relation. COPY cannot read a view directly, so the relation has a condition. */
export const view = (name: string, ...columns: string[]): CopyRelation => ({
  schema: 'public',
  name,
  columns,
  condition: 'true',
});
