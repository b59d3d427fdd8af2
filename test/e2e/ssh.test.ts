import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { type RunningCli, startStowage, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import {
  afterFirstReceipt,
  leftoversOf,
  NO_LEFTOVERS,
  shipperPids,
  storedKeys,
} from '../support/e2e/interrupted-run.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { childrenOf, isRunning, SLOW_RATE_BYTES } from '../support/e2e/processes.ts';
import { SHIPPER } from '../support/programs/programs.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { hasSshd, type Sshd, startSshd } from '../support/servers/sshd.ts';
import { bigTable } from '../support/trouble/trouble.ts';

const MEGABYTES = 60;
/** Marks the ssh process of a content. */
const OF_CONTENT = ['env', 'OF_CONTENT={content}'];
const runnable = await hasSshd();
if (!runnable) process.stderr.write('not run: shippers started over ssh (no /usr/sbin/sshd)\n');

describe.skipIf(!runnable)('shippers started over ssh', () => {
  let place: Place;
  let sshd: Sshd;
  let servers: TestServer[];

  beforeAll(async () => {
    [place, sshd, servers] = await Promise.all([
      directoryPlace(),
      startSshd(),
      startCluster(2, { databases: [DATABASE] }),
    ]);
    for (const [content, server] of servers.entries())
      for (const sql of bigTable(MEGABYTES, content)) await server.psql(sql, DATABASE);
  });
  afterAll(async () => {
    await stopAll(servers);
    await sshd?.stop();
    await place?.stop();
  });

  async function start(
    rate = {},
  ): Promise<{ config: string; backup: RunningCli; store: ObjectStore }> {
    const root = place.newRoot();
    const config = await configFor(place, servers, root, {
      shippers: {
        workers: 2,
        command: [...sshd.ssh, ...OF_CONTENT, process.execPath, SHIPPER],
        ...rate,
      },
      backup: { packBytes: 1024 * 1024, frameBytes: 512 * 1024 },
    });
    return { config, backup: startStowage(['backup'], { config }), store: await place.open(root) };
  }

  test('back up a complete set and restore it', async () => {
    const { config, backup } = await start();
    const { code, json } = await backup.ended;
    expect(json).toMatchObject({ status: 'complete', failures: [] });
    expect(code).toBe(0);
    const restore = await stowage(
      ['restore', json.timestamp, '--create', '--database', 'over_ssh'],
      {
        config,
      },
    );
    expect(restore.text).toContain('"status":"restored"');
    const count = 'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM big.lineitem t';
    for (const server of servers)
      expect(await server.psql(count, 'over_ssh')).toBe(await server.psql(count, DATABASE));
    expect(await leftoversOf(backup, servers)).toEqual(NO_LEFTOVERS);
  });

  test('end when the local ssh process is killed; the backup fails and names the segment', async () => {
    const { backup, store } = await start({ maxRateBytes: 2 * SLOW_RATE_BYTES });
    await afterFirstReceipt(backup, store, 1);
    const ssh = await sshFor(backup, 1);
    const shipper = shipperPids(backup).get(1) ?? Number.NaN;
    expect(ssh).not.toBe(shipper);
    expect(await isRunning(shipper)).toBe(true);
    process.kill(ssh, 'SIGKILL');
    const { code, json } = await backup.ended;
    expect(json).toMatchObject({
      status: 'incomplete',
      failures: [{ content: 1, code: 'shipper/died' }],
    });
    expect(code).toBe(3);
    expect(await leftoversOf(backup, servers)).toEqual(NO_LEFTOVERS);
    expect(await storedKeys(store, 'manifest')).toEqual([]);
  });

  test('make the backup fail before its snapshot, with the name of an unreachable host and the message of ssh', async () => {
    const segments = servers.map(({ host, port }, content) => ({ content, host, port }));
    const command = ['ssh', '-F', 'none', '-p', '1', '-o', 'BatchMode=yes', '{host}', 'true'];
    const root = place.newRoot();
    const config = await configFor(place, servers, root, {
      segments,
      shippers: { command },
    });
    const { code, json } = await stowage(['backup'], { config });
    expect(json.error.message).toMatch(/content [01] on 127\.0\.0\.1 .*onnect/);
    expect(code).toBe(3);
    expect(await Array.fromAsync((await place.open(root)).list(''))).toEqual([]);
  });

  test('are started by doctor, which names their version and programs, and fails for another version', async () => {
    const doctor = async (command: readonly string[]) => {
      const config = await configFor(place, servers, place.newRoot(), { shippers: { command } });
      const { code, text } = await stowage(['doctor'], { config });
      const { checks } = JSON.parse(text) as { checks: { name: string; detail: string }[] };
      const found = checks.filter(({ name }) => name === 'shippers');
      return { code, details: found.map(({ detail }) => detail) };
    };
    const shipper = [...sshd.ssh, process.execPath, SHIPPER];
    const same = await doctor(shipper);
    expect(same.details).toEqual([
      expect.stringMatching(
        /^contents 0 and 1: stowage \d+[\w.-]+, Node v\d+[\d.]+, pg_dump \d+\.\d+, pg_restore \d+\.\d+$/,
      ),
    ]);
    expect(same.code).toBe(0);
    const older = await doctor([
      ...shipper,
      '|',
      'sed',
      '-u',
      String.raw`s/stowage\ [-.0-9a-z]*/stowage\ 0.0.9/`,
    ]);
    expect(older.details).toContainEqual(
      expect.stringMatching(/^contents 0 and 1: the shipper is stowage 0\.0\.9, but this command/),
    );
    expect(older.code).toBe(4);
    const absent = await doctor([...sshd.ssh, '/nowhere/stowage-segment-shipper']);
    expect(absent.details).toEqual([
      expect.stringMatching(/^contents 0 and 1: .* exited with code 127 .*nowhere/),
    ]);
    expect(absent.code).toBe(4);
  });

  /** The ssh process of one segment. */
  async function sshFor(backup: RunningCli, content: number): Promise<number> {
    const started = (await childrenOf(backup.pid)).filter(
      ({ commandLine }) =>
        commandLine.startsWith('ssh ') && commandLine.includes(`OF_CONTENT=${content} `),
    );
    expect(started).toHaveLength(1);
    return started[0]?.pid ?? Number.NaN;
  }
});
