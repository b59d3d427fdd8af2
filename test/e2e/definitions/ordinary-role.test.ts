import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const SECRETS = /verysecret|umsecret|pubsecret|ossecret|ftsecret|gucsecret/;
/** pg_dump writes these for every role. */
const READABLE = [
  { kind: 'foreign table', name: 'app.oft' },
  { kind: 'server', name: 'os' },
  { kind: 'setting', name: 'app.token of role g_ro' },
];

let place: Place;
let server: TestServer;
let root: string;

beforeAll(async () => {
  place = await directoryPlace();
  root = place.newRoot();
  server = await startPostgres({ databases: [DATABASE] });
  const sql = new URL('./sql/ordinary-role.sql', import.meta.url);
  await server.psql(await readFile(sql, 'utf8'), DATABASE);
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

async function run(user: string, ...args: string[]) {
  const connection = { user, binDir: server.binDir };
  const config = await configFor(place, [server], root, { connection });
  const [first, ...rest] = args;
  return first === '--plain' ? stowage(rest, { config, plain: true }) : stowage(args, { config });
}

test('a backup by an ordinary role names hidden rows, subscriptions and hidden options', async () => {
  const hidden = await run('backup', 'backup');
  expect(hidden.code).toBe(3);
  expect(hidden.text).toMatch(/row-level security policy for table \\"t\\"|app\.t/);
  await server.psql('ALTER ROLE backup BYPASSRLS');

  const backup = await run('backup', 'backup');
  expect(failureOf(backup)).toBeUndefined();
  const { leftOut, secrets, timestamp, rows } = backup.json;
  expect(rows).toBe(1000);
  expect(leftOut).toEqual([
    { kind: 'subscription', name: 'sub_free' },
    { kind: 'subscription', name: 'sub_x' },
    { kind: 'user mapping options', name: 'g_owner on server fs' },
    { kind: 'user mapping options', name: 'g_ro on server fs' },
    { kind: 'user mapping options', name: 'public on server fs' },
  ]);
  expect(secrets).toEqual(READABLE);

  const shown = await run('backup', '--plain', 'show', timestamp);
  expect(shown.text).toMatch(/^not in the set, .*: subscription sub_free, subscription sub_x, /m);
  expect(shown.text).toMatch(
    /^passwords in clear in the set, .*: foreign table app\.oft, server os, /m,
  );
  const doctor = await run('backup', '--plain', 'doctor');
  expect(doctor.text).toMatch(/^note +content 0 +definitions +pg_dump does not write .*sub_x/m);
  for (const { text } of [hidden, backup, shown, doctor]) expect(text).not.toMatch(SECRETS);
});

test('a backup by a superuser has them all, and names each password that is in the set in clear', async () => {
  const backup = await run(server.user, 'backup');
  expect(failureOf(backup)).toBeUndefined();
  expect(backup.json.leftOut).toEqual([]);
  expect(backup.json.secrets.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual([
    ...READABLE.map(({ kind, name }) => `${kind} ${name}`),
    'subscription sub_x',
    'user mapping g_owner on server fs',
    'user mapping public on server fs',
  ]);
  expect(backup.text).not.toMatch(SECRETS);
});
