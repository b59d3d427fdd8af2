import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { REMARKS } from '../../../database/objects/choice/kinds.ts';
import { listedIn, useList } from '../../../database/objects/choice/lists.ts';
import { multirangesIn } from '../../../database/rename/archive.ts';
import { chooseCopies } from '../../../database/rename/choice.ts';
import { madeNames } from '../../../database/rename/made-names.ts';
import { runRenamed } from '../../../database/rename/run.ts';
import { openSession } from '../../../database/session/session.ts';
import { schemaText } from '../../../database/tools/restore.ts';
import { entriesOf } from '../../../segment-shipper/restore/schema/entries.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** Columns, aliases and rules that have the name of their schema, or of a row in a rule. */
const HOSTILE = `
CREATE SCHEMA old;
CREATE TABLE old.old (id int PRIMARY KEY, old text, new int, "old.new" int DEFAULT 1 CHECK ("old.new" > 0));
CREATE TABLE old.new (id int PRIMARY KEY, old int REFERENCES old.old, t text DEFAULT 'old.old');
CREATE TABLE old."a""b.c;-- d" ("o'ld" text, "größe" int GENERATED ALWAYS AS (1 + 1) STORED);
CREATE VIEW old.excluded AS SELECT old.new, old.old, new.old AS one, (SELECT max(old.id) FROM old.old old) AS two,
  EXTRACT(day FROM now()) AS three, old.* IS DISTINCT FROM NULL AS four, old.*::old.old AS five
  FROM old.old JOIN old.new ON new.old = old.id WHERE old.new IN (SELECT new.id FROM old.new);
CREATE RULE keep AS ON UPDATE TO old.new WHERE old.old <> new.old
  DO ALSO (INSERT INTO old.old VALUES (new.id, 'old.new'); DELETE FROM old.old o WHERE o.new = old.id);
CREATE POLICY p ON old.old USING (EXISTS (SELECT FROM old.new n WHERE n.id = old.new));
CREATE FUNCTION old.atomic(arg old.old) RETURNS SETOF int LANGUAGE sql
BEGIN ATOMIC SELECT CASE WHEN (arg).id > 1 THEN 1 ELSE new.id END FROM old.new; SELECT new FROM old.old; END;
CREATE FUNCTION old.path() RETURNS int LANGUAGE sql SET search_path = old, public AS 'SELECT 1 -- old.old';
CREATE TYPE old.span AS RANGE (subtype = float8, multirange_type_name = old.spans);
CREATE TABLE old.spanned (s old.spans DEFAULT '{}', c regclass DEFAULT 'old.new'::regclass, n text DEFAULT 'old.new'::regclass::text);
CREATE INDEX ON old.new ((old.atomic(NULL) IS NULL)) WHERE false;
`.replace(/CREATE INDEX .*;\n/, '');

let server: TestServer;
let folder = '';

beforeAll(async () => {
  server = await startPostgres();
  await server.psql(await readFile(join(import.meta.dirname, 'every-kind.sql'), 'utf8'));
  await server.psql(HOSTILE);
  folder = await mkdtemp(join(tmpdir(), 'stowage-test-renamed-'));
  await dump('-Fc', '-f', join(folder, 'schema.dump'));
  // New tables would get more rights than the old ones.
  await server.psql('ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM "every kind"');
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function dump(...args: string[]): Promise<string> {
  const server_ = ['-h', server.host, '-p', String(server.port), '-U', server.user];
  const all = ['-s', '--no-publications', '--no-subscriptions', ...server_, ...args, 'postgres'];
  const { stdout } = await promisify(execFile)(join(server.binDir, 'pg_dump'), all);
  return stdout.replace(/^\\(?:un)?restrict .*$/gm, '');
}

/** The target has every object of the set. It is not asked for rights and comments. */
const isThere = ({ kind }: { readonly kind: string }) => !REMARKS.includes(kind);

async function copy(from: string, schema: string): Promise<void> {
  const file = join(folder, 'schema.dump');
  const entries = await entriesOf(file, file);
  const wanted = { only: [], selection: { ...EVERYTHING, includeSchemas: [`"${from}"`] } };
  const choice = chooseCopies(entries, wanted, { from, schema }, isThere);
  const made = [...choice.made, ...choice.tried];
  const names = madeNames({ from, schema }, made, await multirangesIn(file, file));
  const session = await openSession(server.target(), {
    purpose: 'restore',
    applicationName: 'test',
  });
  try {
    for (const section of ['pre-data', 'post-data'] as const) {
      const list = useList(listedIn(entries, section, (entry) => made.includes(entry)));
      const text = await schemaText(server.target(), file, { section, list });
      await runRenamed(session, text, names, {
        isFirst: section === 'pre-data',
        isNewDatabase: false,
      });
    }
  } finally {
    await session.close();
  }
}

test.each([['old'], ['other'], ['my schema']])(
  'pg_dump says of a copy of schema %j what it says of the original',
  async (from) => {
    await copy(from, 'a "copy');
    const original = await dump('-n', `"${from}"`);
    const copied = await dump('-n', '"a ""copy"');
    const plain = (text: string) =>
      text
        .replaceAll(/"a ""copy"|a "copy/g, from)
        .replaceAll(`"${from}"`, from)
        .split('\n')
        .filter((line) => line !== '' && line !== '--')
        .sort()
        .join('\n');
    expect(plain(copied)).toBe(plain(original));
    await server.psql('DROP SCHEMA "a ""copy" CASCADE');
  },
);
