import { describe, expect, it } from 'vitest';
import { scriptOf } from './script.ts';

const plain = (text: string) => scriptOf(text, true, 'schema.dump');
const kept = (text: string) => scriptOf(text, false, 'schema.dump').text;

describe('a statement of Greenplum, for PostgreSQL', () => {
  it.each([
    [
      'a distribution key',
      'CREATE TABLE s.t (\n    id integer\n)\n DISTRIBUTED BY (id);',
      'CREATE TABLE s.t (\n    id integer\n);\n',
      ['TABLE s.t: DISTRIBUTED BY left out'],
    ],
    [
      'the options of an append-only table, and of its columns',
      "CREATE TABLE s.c (id integer ENCODING (compresstype=none,blocksize=32768), t text) WITH (appendonly='true', fillfactor='70') DISTRIBUTED RANDOMLY;",
      "CREATE TABLE s.c (id integer , t text) WITH (fillfactor = '70');\n",
      [
        'TABLE s.c: ENCODING of columns left out',
        'TABLE s.c: appendonly left out',
        'TABLE s.c: DISTRIBUTED RANDOMLY left out',
      ],
    ],
    [
      'a bitmap index',
      'CREATE INDEX b ON s.t USING bitmap (x);',
      'CREATE INDEX b ON s.t USING btree (x);\n',
      ['INDEX b: bitmap became btree'],
    ],
    [
      'where a function runs, but not its body',
      'CREATE FUNCTION s.f(integer) RETURNS integer LANGUAGE plpgsql NO SQL EXECUTE ON ANY AS $$ BEGIN -- NO SQL DISTRIBUTED BY (x)\nEND $$;',
      'CREATE FUNCTION s.f(integer) RETURNS integer LANGUAGE plpgsql   AS $$ BEGIN -- NO SQL DISTRIBUTED BY (x)\nEND $$;\n',
      ['FUNCTION s.f: EXECUTE ON ANY left out'],
    ],
    [
      'the distribution of a materialized view',
      'CREATE MATERIALIZED VIEW s.m AS\n SELECT t.id FROM s.t\n WITH NO DATA\n DISTRIBUTED BY (id);',
      'CREATE MATERIALIZED VIEW s.m AS\n SELECT t.id FROM s.t\n WITH NO DATA;\n',
      ['VIEW s.m: DISTRIBUTED BY left out'],
    ],
  ])('loses %s', (_, statement, wanted, changes) => {
    expect(plain(statement).text).toBe(wanted);
    expect(plain(statement).changes).toEqual(changes);
    expect(kept(statement)).toBe(`${statement}\n`);
  });

  it('loses the partitions of Greenplum 6, and says which table gets their rows', () => {
    const script = plain(`CREATE TABLE parts."Sale" (id integer, at date)
 DISTRIBUTED BY (id) PARTITION BY RANGE(at)
          (PARTITION y24 START ('2024-01-01'::date) END ('2025-01-01'::date) WITH (tablename='x'));
 ALTER TABLE parts."Sale" SET SUBPARTITION TEMPLATE (SUBPARTITION eu VALUES('eu') WITH (tablename='x'));`);
    expect(script.text).toBe('CREATE TABLE parts."Sale" (id integer, at date);\n');
    expect(script.unpartitioned).toEqual(['"parts"."Sale"']);
    expect(script.changes).toContain(
      'TABLE parts.Sale: partitions left out, their rows go into the table',
    );
  });

  it('keeps partitions that PostgreSQL has, too', () => {
    const script = plain('CREATE TABLE t (a int) PARTITION BY RANGE (a) DISTRIBUTED BY (a);');
    expect(script.text).toBe('CREATE TABLE t (a int) PARTITION BY RANGE (a);\n');
    expect(script.unpartitioned).toEqual([]);
  });

  it('is left out when PostgreSQL has no such object, with its rights and comments', () => {
    const script =
      plain(`CREATE EXTERNAL WEB TABLE s.w (t text) EXECUTE E'x' ON MASTER FORMAT 'text';
ALTER EXTERNAL TABLE s.w OWNER TO gpadmin;
GRANT SELECT ON TABLE s.w TO public;
COMMENT ON TABLE s.w IS 'x';
CREATE RESOURCE QUEUE q WITH (active_statements=1);
GRANT SELECT ON TABLE s.other TO public;`);
    expect(script.text).toBe('GRANT SELECT ON TABLE s.other TO public;\n');
    expect(script.changes).toEqual([
      'CREATE EXTERNAL WEB TABLE s.w: left out',
      'ALTER EXTERNAL TABLE s.w OWNER TO gpadmin: left out',
      'CREATE RESOURCE QUEUE q WITH: left out',
    ]);
  });
});

describe('a script for psql', () => {
  it('has no settings of pg_restore that not every version knows, and its comments on objects', () => {
    const text = kept(`--
-- PostgreSQL database dump
--
SET transaction_timeout = 0;
SET row_security = off;
SET default_tablespace = '';
--
-- Name: t; Type: TABLE; Schema: public; Owner: me
--
CREATE TABLE t (a int);`);
    expect(text).toBe(
      "SET default_tablespace = '';\n\n--\n-- Name: t; Type: TABLE; Schema: public; Owner: me\n--\n\nCREATE TABLE t (a int);\n",
    );
  });

  it('has no command of psql that a name of the set could be', () => {
    const text = kept(
      '-- Name: x; Type: TABLE; Schema: a\n-- \\! touch /tmp/x\nCREATE TABLE a (b int);',
    );
    expect(text).not.toContain('touch');
    expect(() => kept('CREATE TABLE a (b int);\n\\! touch /tmp/x\n')).toThrow(/schema\.dump/);
  });
});
