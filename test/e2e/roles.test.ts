import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUCKET, type StowageRoles, startStowageRoles } from '../support/ceph/stowage-roles.ts';
import { type RunningCli, startStowage, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import { withoutCeph } from '../support/e2e/place.ts';
import { SHIPPER } from '../support/programs/programs.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';

const COUNT = 'SELECT count(*), sum(id) FROM place';

// Real programs, each with only the keys of its role, on a server that enforces the policies.
describe.skipIf(withoutCeph)('on Ceph with one user per role', () => {
  let at: StowageRoles;
  let folder: string;
  let source: TestServer[] = [];
  let target: TestServer[] = [];
  let serve: RunningCli;
  let [config, elsewhere] = ['', ''];
  let timestamp = '';
  const as = (role: string, args: string[], on = config) =>
    stowage(args, { config: on, env: at.env(role) });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roles-'));
    [at, source, target] = await Promise.all([
      startStowageRoles(),
      startCluster(2, { databases: [DATABASE] }),
      startCluster(2),
    ]);
    for (const [content, server] of source.entries())
      await server.psql(
        `CREATE TABLE place AS SELECT ${content} + 2 * n AS id FROM generate_series(1, 1000) n`,
        DATABASE,
      );
    const root = `s3://${BUCKET}/shop`;
    const place = { folder, storage: { endpoint: at.ceph.endpoint } };
    const more = async (role: string) => ({
      functions: 'events',
      shippers: { workers: 2, command: await commandFor(role) },
    });
    config = await configFor(place, source, root, await more('Shipper'));
    elsewhere = await configFor(place, target, root, await more('RestoreShipper'));
    serve = startStowage(['serve', '--port', '0', '--sweep', '1'], {
      config,
      env: at.env('Sweep'),
    });
    await serve.waitForEvent('serving');
  });
  afterAll(async () => {
    serve?.kill('SIGTERM');
    await serve?.ended;
    await Promise.all([at?.stop(), stopAll(source), stopAll(target)]);
    await rm(folder, { recursive: true, force: true });
  });

  /** As on a segment host: the shipper has its own profile, and none of the keys of its parent. */
  async function commandFor(role: string): Promise<string[]> {
    const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = at.env(role);
    const file = join(folder, `${role}.ini`);
    const keys = [
      `aws_access_key_id=${AWS_ACCESS_KEY_ID}`,
      `aws_secret_access_key=${AWS_SECRET_ACCESS_KEY}`,
    ];
    await writeFile(file, `[default]\n${keys.join('\n')}\n`, { mode: 0o600 });
    const without = ['-u', 'AWS_ACCESS_KEY_ID', '-u', 'AWS_SECRET_ACCESS_KEY'];
    return ['env', ...without, `AWS_SHARED_CREDENTIALS_FILE=${file}`, process.execPath, SHIPPER];
  }

  test('an operator can back up with shippers that may only create objects, and serve commits and validates the set', async () => {
    const backup = await as('Operator', ['backup', '--wait', '240']);
    expect(backup.text).toContain('"status":"complete"');
    expect(backup.code).toBe(0);
    timestamp = backup.json.timestamp;
  });

  test('an auditor can list the set, and cannot verify it', async () => {
    expect((await as('Audit', ['list'])).json.sets).toMatchObject([
      { timestamp, status: 'complete' },
    ]);
    expect((await as('Audit', ['verify', timestamp])).json.error).toMatchObject({
      code: 'storage/denied',
    });
  });

  test('the restore role can restore the set into another cluster', async () => {
    const restore = await as(
      'Restore',
      ['restore', timestamp, '--create', '--wait', '240'],
      elsewhere,
    );
    expect(restore.text).toContain('"status":"restored"');
    for (const [content, server] of target.entries())
      expect(await server.psql(COUNT, DATABASE)).toBe(await source[content]?.psql(COUNT, DATABASE));
  });

  test('the delete role can delete the set, and the operator cannot', async () => {
    expect(
      (await as('Operator', ['delete', timestamp, '--force', '--yes'])).json.error,
    ).toMatchObject({
      code: 'storage/denied',
    });
    expect((await as('Restore', ['backup'])).json.error).toMatchObject({ code: 'storage/denied' });
    expect((await as('Delete', ['delete', timestamp, '--force', '--yes'])).code).toBe(0);
    expect((await as('Audit', ['list'])).json.sets).toEqual([]);
  });
});
