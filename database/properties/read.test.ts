import { expect, test } from 'vitest';
import type { TocEntry } from '../objects/toc.ts';
import { databaseProperties, databaseTablespace } from './read.ts';

const entry = (kind: string, name: string, definition: string, owner = '') =>
  ({
    id: 1,
    kind,
    schema: '',
    name,
    section: 'pre-data',
    dependsOn: [],
    owner,
    definition: () => definition,
  }) as unknown as TocEntry;

async function* archive(...more: readonly TocEntry[]) {
  yield entry('ENCODING', 'ENCODING', "SET client_encoding = 'UTF8';\n");
  yield entry(
    'DATABASE',
    'shop',
    `CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C' TABLESPACE = "Fa""st";\n`,
    'boss',
  );
  yield* more;
}

test('an archive has the owner, the tablespace and the statements of its database', async () => {
  const found = await databaseProperties(
    archive(
      entry('COMMENT', 'DATABASE shop', `COMMENT ON DATABASE shop IS 'x';\n`),
      entry('COMMENT', 'TABLE shop', `COMMENT ON TABLE public.shop IS 'y';\n`),
      entry('DATABASE PROPERTIES', 'shop', 'ALTER DATABASE shop CONNECTION LIMIT = 3;\n'),
      entry('ACL', 'DATABASE shop', 'REVOKE ALL ON DATABASE shop FROM PUBLIC;\n'),
      entry('ACL', 'TABLE shop', 'REVOKE ALL ON TABLE public.shop FROM PUBLIC;\n'),
    ),
    'copy',
  );
  expect(found).toMatchObject({ name: 'shop', owner: 'boss', tablespace: 'Fa"st', refused: [] });
  expect(found.statements.map(({ sql }) => sql)).toEqual([
    `COMMENT ON DATABASE "copy" IS 'x'`,
    'ALTER DATABASE "copy" CONNECTION LIMIT = 3',
    'REVOKE ALL ON DATABASE "copy" FROM PUBLIC',
  ]);
});

test('an entry with something else is refused, and the others are kept', async () => {
  const found = await databaseProperties(
    archive(
      entry('DATABASE PROPERTIES', 'shop', 'ALTER SYSTEM SET x TO 1;\n'),
      entry('COMMENT', 'DATABASE shop', `COMMENT ON DATABASE shop IS 'x';\n`),
    ),
    'copy',
  );
  expect(found.refused).toMatchObject([{ entry: 'DATABASE PROPERTIES shop' }]);
  expect(found.statements).toHaveLength(1);
});

test('an archive without an entry of its database has no properties', async () => {
  async function* none() {
    yield entry('TABLE', 't', 'CREATE TABLE public.t ();\n');
  }
  expect(await databaseTablespace(none())).toBeUndefined();
  expect(await databaseProperties(none(), 'copy')).toMatchObject({ statements: [], refused: [] });
});
