import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseKey } from '../../backup-set/base/keys.ts';
import { type CliResult, startStowage, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import { isEncryptedSuite } from '../support/e2e/encryption.ts';
import { cephPlace, type Place, withoutCeph } from '../support/e2e/place.ts';
import { commandLinesUnder } from '../support/e2e/processes.ts';
import { selectionSql } from '../support/e2e/selection-data.ts';
import { SHIPPER, STOWAGE } from '../support/programs/programs.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';

const PASSWORD = 'pA55-never-written-anywhere';
const TOOLS = ['pg_dump', 'pg_dumpall', 'pg_restore'];
const STARTED = 'started.log';
/** Bytes per second: so slow that a busy machine still samples the processes while they run. */
const SAMPLED_RATE_BYTES = 30_000;
const OBJECT_BYTES_MAX = 64 * 1024 * 1024;

describe.skipIf(withoutCeph)('with Ceph RGW and servers that need passwords', () => {
  let place: Place;
  let servers: TestServer[];
  let [root, config, secretKey] = ['', '', ''];
  let env: Record<string, string>;

  beforeAll(async () => {
    place = await cephPlace();
    secretKey = place.ceph?.secretKey ?? '';
    env = { ...place.env, PGPASSWORD: PASSWORD };
    servers = await startCluster(2, { databases: [DATABASE], password: PASSWORD });
    for (const [content, server] of servers.entries())
      await server.psql(selectionSql(content), DATABASE);
    root = place.newRoot();
    const binDir = await recordingTools(servers[0]?.binDir ?? '', place.folder);
    config = await configFor(place, servers, root, {
      functions: 'inline',
      connection: { user: servers[0]?.user, binDir },
      shippers: { workers: 2, maxRateBytes: SAMPLED_RATE_BYTES },
    });
  });
  afterAll(async () => {
    await stopAll(servers);
    await place?.stop();
  });

  const secretIn = (text: string) =>
    [PASSWORD, secretKey].filter((secret) => text.includes(secret));

  /** Runs a command and meanwhile collects the arguments of all its processes. */
  async function watched(
    ...args: string[]
  ): Promise<CliResult & { readonly seen: ReadonlySet<string> }> {
    const running = startStowage([...args, '--log-level', 'debug'], { config, env });
    const seen = new Set<string>();
    let over = false;
    void running.ended.finally(() => {
      over = true;
    });
    while (!over) {
      for (const line of await commandLinesUnder(running.pid)) seen.add(line);
      await sleep(5);
    }
    return { ...(await running.ended), seen };
  }

  let timestamp: string;

  test('a backup and a restore show no secret in their output, their logs or the arguments of any process', async () => {
    const backup = await watched('backup');
    expect(backup.code).toBe(0);
    timestamp = backup.json.timestamp;
    const restore = await watched(
      'restore',
      timestamp,
      '--create',
      '--globals',
      '--database',
      'other',
    );
    expect(restore.code).toBe(0);
    const started = (await readFile(join(place.folder, STARTED), 'utf8')).split('\n');
    const seen = [...backup.seen, ...restore.seen, ...started];
    // The samples prove something only if they contain every program.
    for (const program of [STOWAGE, SHIPPER, ...TOOLS])
      expect(seen.filter((line) => line.includes(program))).not.toEqual([]);
    expect(secretIn(seen.join('\n'))).toEqual([]);
    expect(secretIn(backup.text + restore.text)).toEqual([]);
  });

  test('no stored object holds a secret, compressed or decompressed', async () => {
    const store = await place.open(root);
    let checked = 0;
    for await (const { key } of store.list('')) {
      const bytes = await store.read(key, { bytesMax: OBJECT_BYTES_MAX });
      const texts = [Buffer.from(bytes).toString('latin1'), await plainText(key, bytes)];
      expect(secretIn(texts.join('\n')), key).toEqual([]);
      checked += 1;
    }
    await store.close();
    expect(checked).toBeGreaterThan(20);
  });

  test('error messages show no secret', async () => {
    const denied = await stowage(['list'], {
      config,
      env: { ...env, AWS_SECRET_ACCESS_KEY: `${secretKey}x` },
    });
    expect(denied.json.error.code).toBe('storage/denied');
    expect(denied.code).toBe(5);
    const refused = await stowage(['backup'], {
      config,
      env: { ...env, PGPASSWORD: `${PASSWORD}x` },
    });
    expect(refused.json.error.code).toMatch(/^database\/(unreachable|denied)$/);
    expect(refused.code).toBe(6);
    const embedded = await stowage(['list', '--root', `s3://AK:${secretKey}@bucket/x`], {
      config,
      env,
    });
    expect(embedded.code).toBe(2);
    expect(secretIn(denied.text + refused.text + embedded.text)).toEqual([]);
  });

  test('a password file that other users may read is ignored, and the error and doctor say so', async () => {
    const { PGPASSWORD: _, ...without } = env;
    const file = join(place.folder, 'pgpass');
    await writeFile(file, `*:*:*:*:${PASSWORD}\n`, { mode: 0o644 });
    const ignored = `the password in ${file} is ignored, because its group or other users may use the file (mode 0644): chmod 600 ${file}`;
    const [backup, doctor] = await Promise.all(
      ['backup', 'doctor'].map((command) =>
        stowage([command], { config, env: { ...without, PGPASSFILE: file } }),
      ),
    );
    expect(backup?.json.error).toMatchObject({ code: 'database/denied' });
    expect(backup?.json.error.message).toContain(ignored);
    expect(doctor?.text).toContain(ignored);
    expect(secretIn(`${backup?.text}${doctor?.text}`)).toEqual([]);
  });

  test('stowage config shows no secret', async () => {
    const shown = await stowage(['config'], { config, env });
    expect(shown.code).toBe(0);
    expect(secretIn(shown.text)).toEqual([]);
  });

  /** The content of an object as zstd or pg_restore shows it. */
  async function plainText(key: string, bytes: Uint8Array): Promise<string> {
    if (isEncryptedSuite) return '';
    if (key.endsWith('.zst') || key.endsWith('.pack'))
      return zstdDecompressSync(bytes).toString('latin1');
    if (!key.endsWith('.dump')) return '';
    expect(parseKey(key)?.kind).toBe('metadata');
    const path = join(place.folder, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    const [server] = servers;
    const dumped = await promisify(execFile)(join(server?.binDir ?? '', 'pg_restore'), [
      '--file=-',
      path,
    ]);
    return dumped.stdout;
  }
});

/**
 * Wrappers that log the arguments of PostgreSQL's programs. These run for milliseconds only, so
 * that sampling would miss them.
 */
async function recordingTools(binDir: string, folder: string): Promise<string> {
  const shims = join(folder, 'bin');
  await mkdir(shims, { recursive: true });
  for (const tool of TOOLS) {
    const script = `#!/bin/sh\necho "$0 $*" >>'${join(folder, STARTED)}'\nexec '${join(binDir, tool)}' "$@"\n`;
    await writeFile(join(shims, tool), script, { mode: 0o755 });
  }
  return shims;
}
