import { expect, test } from 'vitest';
import { readToc, type TocEntry } from '../../../database/objects/toc.ts';
import { withDependencies } from './dependencies.ts';
import { readDefinitions } from './script-objects.ts';
import { writeArchive } from './write-archive.ts';

const SCRIPT = `--
-- Greenplum Database database dump
--

SET client_encoding = 'UTF8';
SET standard_conforming_strings = off;
SET default_with_oids = false;

DROP TABLE hr.t;
--
-- Name: AOSTORAGEOPTS; Type: AOSTORAGEOPTS; Schema: -; Owner: 
--

SET gp_default_storage_options = 'appendonly=false';


--
-- Name: hr; Type: SCHEMA; Schema: -; Owner: app
--

CREATE SCHEMA hr;


ALTER SCHEMA hr OWNER TO app;

--
-- Name: plpgsql; Type: PROCEDURAL LANGUAGE; Schema: -; Owner: app
--

CREATE PROCEDURAL LANGUAGE plpgsql;
ALTER FUNCTION plpgsql_call_handler() OWNER TO app;

SET search_path = hr, pg_catalog;

--
-- Name: money; Type: DOMAIN; Schema: hr; Owner: app
--

CREATE DOMAIN money AS integer;

--
-- Name: s; Type: SEQUENCE; Schema: hr; Owner: app
--

CREATE SEQUENCE s;

--
-- Name: s; Type: SEQUENCE SET; Schema: hr; Owner: app
--

SELECT pg_catalog.setval('s', 7, true);


SET default_with_oids = true;

--
-- Name: Ünder t; Type: TABLE; Schema: hr; Owner: app; Tablespace: fast
--

CREATE TABLE "Ünder t" (
    id integer DEFAULT nextval('s'::regclass),
    price money,
    other integer
) DISTRIBUTED BY (id);
 ALTER TABLE "Ünder t" 
SET SUBPARTITION TEMPLATE (x);

ALTER TABLE hr."Ünder t" OWNER TO app;

--
-- Name: other; Type: TABLE; Schema: hr; Owner: app; Tablespace: 
--

CREATE TABLE other (id integer) INHERITS ("Ünder t");

--
-- Name: r; Type: RULE; Schema: hr; Owner: app
--

CREATE RULE r AS ON DELETE TO other DO NOTHING;

--
-- Name: other; Type: ACL; Schema: hr; Owner: app
--

REVOKE ALL ON TABLE other FROM PUBLIC;


--
-- Greenplum Database database dump complete
--

`;

async function* only<T>(value: T): AsyncGenerator<T> {
  yield value;
}

async function archived(): Promise<TocEntry[]> {
  const defined = await readDefinitions(only(Buffer.from(SCRIPT)), 'pre-data');
  const facts = { database: 'shop', encoding: 'UTF8', standardStrings: false, version: '8.2.15' };
  const archive = writeArchive(facts, withDependencies(defined.objects));
  return Array.fromAsync(readToc(only(archive), 'schema.dump'));
}

test('each heading of a script becomes an entry of an archive', async () => {
  const entries = await archived();
  expect(entries.map(({ kind, schema, name, section }) => [kind, schema, name, section])).toEqual([
    ['ENCODING', '', 'ENCODING', 'none'],
    ['STDSTRINGS', '', 'STDSTRINGS', 'none'],
    ['SCHEMA', '', 'hr', 'pre-data'],
    ['PROCEDURAL LANGUAGE', '', 'plpgsql', 'pre-data'],
    ['DOMAIN', 'hr', 'money', 'pre-data'],
    ['SEQUENCE', 'hr', 's', 'pre-data'],
    ['TABLE', 'hr', 'Ünder t', 'pre-data'],
    ['TABLE', 'hr', 'other', 'pre-data'],
    ['RULE', 'hr', 'other r', 'pre-data'],
    ['ACL', 'hr', 'other', 'none'],
  ]);
  const table = entries.find(({ name }) => name === 'Ünder t');
  expect(table).toMatchObject({ owner: 'app', tablespace: 'fast' });
  expect(table?.definition()).toMatch(/^CREATE TABLE [\s\S]*SUBPARTITION TEMPLATE \(x\);\n$/);
  expect(table?.definition()).not.toContain('OWNER');
  expect(entries[3]?.definition()).toBe('CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql;\n');
});

test('a table depends on what its statement names, and not on a table named like a column', async () => {
  const entries = await archived();
  const names = new Map(entries.map(({ id, name }) => [id, name]));
  const needs = (wanted: string, kind: string) =>
    entries
      .find((entry) => entry.name === wanted && entry.kind === kind)
      ?.dependsOn.map((id) => names.get(id));
  expect(needs('Ünder t', 'TABLE')).toEqual(['hr', 'money', 's']);
  expect(needs('other', 'TABLE')).toEqual(['hr', 'Ünder t']);
  expect(needs('other r', 'RULE')).toEqual(['hr', 'other']);
  expect(needs('other', 'ACL')).toEqual(['hr', 'other']);
});

test('the sequences of a script have their values and schemas', async () => {
  const { sequences } = await readDefinitions(only(Buffer.from(SCRIPT)), 'pre-data');
  expect(sequences).toEqual([{ schema: 'hr', name: 's', value: '7', called: true }]);
});

test('a statement at a place where pg_dump writes none is refused', async () => {
  const other = SCRIPT.replace('DROP TABLE hr.t;', 'DELETE FROM hr.t;');
  await expect(readDefinitions(only(Buffer.from(other)), 'pre-data')).rejects.toThrow(
    'pg_dump does not write "DELETE FROM hr.t;" at this place',
  );
});
