import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseIdentities } from '../../../encryption/identities.ts';
import { readSetKey } from '../../../encryption/read-set-key.ts';
import { contentDigestKey, contentKey } from '../../../frame/seal/derive.ts';
import { startStowage, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { HOLDING_SQL, holdRows, releaseRows } from '../../support/e2e/held-rows.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { foundInMemory } from '../../support/e2e/process-memory.ts';
import { SHIPPER } from '../../support/programs/programs.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

/** On each host a shipper could be stolen: its inputs, its memory and what it writes. */
let place: Place;
let servers: TestServer[];
let keys: TestKeys;
let [root, config] = ['', ''];

const inputs = () => join(place.folder, 'inputs');

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const server of servers)
    await server.psql(
      `CREATE SCHEMA big; CREATE TABLE big.lineitem AS SELECT g::bigint AS orderkey FROM generate_series(1, 5000) g; ${HOLDING_SQL}`,
      DATABASE,
    );
  keys = await testKeys(join(place.folder, 'keys'));
  root = place.newRoot();
  await mkdir(inputs());
  config = await configFor(place, servers, root, {
    encryption: keys.section(),
    shippers: { workers: 1, command: [await recordingShipper()] },
  });
});
afterAll(async () => {
  if (servers !== undefined) await releaseRows(servers);
  await stopAll(servers);
  await place?.stop();
});

/** A shipper that keeps what it gets: its environment, its arguments and its standard input. */
async function recordingShipper(): Promise<string> {
  const path = join(place.folder, 'shipper');
  const script = `#!/bin/bash
at=$(mktemp '${inputs()}/XXXXXX')
{ env; printf '%s\\n' "$0" "$@"; } > "$at.env"
exec '${process.execPath}' '${SHIPPER}' "$@" < <(exec tee "$at.in")
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

/** What no shipper may have, and the keys of each content, raw. */
async function secretsOf(timestamp: string) {
  const text = await readFile(keys.identityFile, 'utf8');
  const identity = /AGE-SECRET-KEY-1\w+/.exec(text)?.[0] ?? '';
  const age = await parseIdentities(text, 'identity');
  const store = await place.open(root);
  const setKey = await readSetKey(store, { timestamp, root: store.url }, { age }, {});
  await store.close();
  const digestKey = Buffer.from(await readFile(keys.digestKeyFile, 'utf8'), 'base64');
  const of = (content: number) => contentKey(setKey, timestamp, content);
  return {
    identity,
    always: new Map([...forms('set key', setKey), ...forms('digest key', digestKey)]),
    ofContent: (content: number) =>
      new Map([
        ...forms('content key', of(content)),
        ...forms('content digest key', contentDigestKey(digestKey, content)),
      ]),
  };
}

/** As raw bytes, base64, base64url and hex. */
function forms(name: string, key: Buffer): [string, Buffer][] {
  const texts = (['base64', 'base64url', 'hex'] as const).map((form): [string, Buffer] => [
    `${name} in ${form}`,
    Buffer.from(key.toString(form).replace(/=+$/, '')),
  ]);
  return [[`${name}`, key], ...texts];
}

const namesIn = (bytes: Buffer, secrets: ReadonlyMap<string, Buffer>) =>
  [...secrets].filter(([, value]) => bytes.includes(value)).map(([name]) => name);

/** The recorded inputs of the shippers, by content. */
async function recorded(): Promise<{ type: string; content: number; bytes: Buffer }[]> {
  const files = (await readdir(inputs())).filter((name) => name.endsWith('.in'));
  return Promise.all(
    files.map(async (name) => {
      const input = await readFile(join(inputs(), name));
      const env = await readFile(join(inputs(), name.replace(/in$/, 'env')));
      const job = JSON.parse(input.toString().split('\n')[0] ?? '') as {
        type: string;
        content: number;
      };
      return { ...job, bytes: Buffer.concat([input, env]) };
    }),
  );
}

test('a shipper gets the key of its own content and no other: in its inputs and in its memory, in a backup and in a restore of one content', async () => {
  const made = await stowage(['backup'], { config });
  expect(made.json.status, made.text).toBe('complete');
  const { timestamp } = made.json;
  const secrets = await secretsOf(timestamp);
  const forbidden = (content: number) =>
    new Map([
      ...secrets.always,
      ...secrets.ofContent(1 - content),
      ['identity', Buffer.from(secrets.identity)] as const,
    ]);

  await holdRows(servers);
  const restore = startStowage(
    ['restore', timestamp, '--create', '--database', 'one', '--content', '1'],
    {
      config,
    },
  );
  const shipper = await restore.waitForEvent('shipper');
  expect(shipper['content']).toBe(1);
  const own = secrets.ofContent(1);
  const pid = Number(shipper['pid']);
  await restore.waitForEvent('phase', ({ phase }) => phase === 'pre-data');
  // The search works: it finds the key that the shipper uses.
  await expect
    .poll(async () => (await foundInMemory(pid, own)).size, { timeout: 60_000, interval: 200 })
    .toBeGreaterThan(0);
  expect([...(await foundInMemory(pid, forbidden(1)))]).toEqual([]);
  await releaseRows(servers);
  const restored = await restore.ended;
  expect(restored.json.status, restored.text).toBe('restored');

  const all = await recorded();
  for (const { content, bytes } of all) expect(namesIn(bytes, forbidden(content))).toEqual([]);
  const working = all.filter(({ type }) => ['backup', 'restore'].includes(type));
  expect(working.map(({ type, content }) => `${type} ${content}`).sort()).toEqual([
    ...['backup 0', 'backup 1'],
    'restore 1',
  ]);
  for (const { content, bytes } of working)
    expect(namesIn(bytes, secrets.ofContent(content))).toContain('content key in base64');
  // Nothing that a command prints, and no object, has a key in clear.
  const any = new Map([...forbidden(0), ...forbidden(1)]);
  for (const { text } of [made, restored]) expect(namesIn(Buffer.from(text), any)).toEqual([]);
  const store = await place.open(root);
  for await (const { key } of store.list('')) {
    const bytes = Buffer.from(await store.read(key, { bytesMax: 64 * 1024 * 1024 }));
    expect(namesIn(bytes, any), key).toEqual([]);
  }
  await store.close();
});
