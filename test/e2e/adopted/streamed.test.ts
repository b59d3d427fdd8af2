import { exec } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { GPCRONDUMP } from '../../support/adopt/fixtures.ts';
import {
  type Simulation,
  type SimulationOptions,
  simulate,
} from '../../support/adopt/simulated-gpcrondump.ts';
import { type CliResult, startStowage, stowage, writeConfig } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { childrenOf, isRunning } from '../../support/e2e/processes.ts';
import { blocksOf, sectionsOf } from '../../support/page-blocks.ts';
import { STOWAGE } from '../../support/programs/programs.ts';
import { hasSshd, type Sshd, startSshd } from '../../support/servers/sshd.ts';
import { readUntil, waitUntil } from '../../support/wait-for.ts';
import { shell, substituted } from '../runbooks/page.ts';

const PAGE = new URL('../../../docs/migrating.md', import.meta.url);
/** A set with old names and gzip, and one with new names without. */
const OLD = ['v43-full-gzip', '20261129014754'] as const;
const NEW = ['v5-full-plain', '20261129021714'] as const;
const SEGMENT = 'gp_dump_0_3_20261129014754.gz';
const POST_DATA = 'gp_dump_1_1_20261129014754_post_data.gz';

let place: Place;
const configs = { number: 0 };

beforeAll(async () => {
  place = await directoryPlace();
});
afterAll(() => place?.stop());

async function newRoot(more: Readonly<Record<string, unknown>> = {}) {
  const root = place.newRoot();
  const config = await writeConfig(join(place.folder, `${configs.number++}.yaml`), {
    ...{ cluster: 'e2e', flavour: 'greenplum', root, database: 'shop', functions: 'inline' },
    ...{ coordinator: { host: 'mdw', port: 5432 }, ...more },
  });
  return { root, config };
}

async function simulated(
  [set, timestamp]: readonly [string, string],
  options: SimulationOptions = {},
) {
  const folder = await mkdtemp(join(place.folder, 'gpcrondump-'));
  return simulate(set, timestamp, folder, options);
}

const streamArgs = (timestamp: string, { lists }: Simulation, ...more: string[]) => [
  ...['adopt', 'gpcrondump', lists, '--timestamp', timestamp, '--stream', ...more],
];

async function relationsOf(root: string, timestamp: string) {
  const store = await place.open(root);
  const key = formatKey({ kind: 'manifest', timestamp });
  const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX });
  const { relations } = decode(Manifest, { key, bytes });
  return relations.map(({ id: _, ...relation }) => relation).sort(byName);
}

async function program(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

/** What an adoption of the files gives. */
async function relationsOfFiles([set, timestamp]: readonly [string, string]) {
  const { root, config } = await newRoot();
  const adopt = ['adopt', 'gpcrondump', join(GPCRONDUMP, set), '--timestamp', timestamp];
  const adopted = await stowage(adopt, { config });
  expect(adopted.code, adopted.text).toBe(0);
  return relationsOf(root, timestamp);
}

const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function expectNothingLeft({ fifos }: Simulation): Promise<void> {
  const left = await Promise.all(fifos.map(async (path) => ((await isThere(path)) ? [path] : [])));
  expect(left.flat()).toEqual([]);
}

/** The set is there, incomplete, and names the file and why. */
async function expectIncomplete(result: CliResult, reason: string, config: string) {
  expect([result.code, result.json.status], result.text).toEqual([3, 'incomplete']);
  const messages = result.json.failures.map(({ message }) => message);
  expect(messages).toContainEqual(expect.stringContaining(reason));
  const { timestamp } = result.json;
  expect((await stowage(['show', timestamp], { config })).json.status).toBe('incomplete');
}

describe('stowage adopt gpcrondump --stream', () => {
  test('docs/migrating.md streams a gpcrondump into the set that its files would become', async () => {
    const [simulation, { root, config }] = await Promise.all([simulated(OLD), newRoot()]);
    const page = await readFile(PAGE, 'utf8');
    const block = blocksOf(sectionsOf(page).get('From gpcrondump') ?? '', 'sh').find((one) =>
      one.includes('--stream'),
    );
    const bin = await mkdtemp(join(place.folder, 'bin-'));
    await program(join(bin, 'stowage'), `exec '${process.execPath}' '${STOWAGE}' "$@"`);
    await program(join(bin, 'gpcrondump'), `exec ${simulation.command}`);
    const replaced = { '/data/gpseg-1/db_dumps/20261129': simulation.lists };
    const adopted = await shell(substituted(block ?? '', replaced), place.folder, {
      PATH: `${bin}:/usr/bin:/bin`,
      STOWAGE_CONFIG: config,
    });
    expect(adopted.code, adopted.text).toBe(0);
    expect(adopted.text).toContain(`set ${OLD[1]} is complete`);
    await expectNothingLeft(simulation);
    expect(await relationsOf(root, OLD[1])).toEqual(await relationsOfFiles(OLD));
  });

  test('a segment whose writer dies makes the set incomplete, though the report says success', async () => {
    const [simulation, { config }] = await Promise.all([
      simulated(OLD, { dies: SEGMENT }),
      newRoot(),
    ]);
    const run = ['--run', simulation.command];
    const adopted = await stowage(streamArgs(OLD[1], simulation, ...run), { config });
    await expectIncomplete(adopted, `${SEGMENT}: it is cut off`, config);
    await expectNothingLeft(simulation);
  });

  test('a cancelled gpcrondump leaves an incomplete set that names the FIFO that was never opened', async () => {
    const [simulation, { config }] = await Promise.all([
      simulated(OLD, { cancelledBefore: 'post_data' }),
      newRoot(),
    ]);
    const run = ['--run', simulation.command, '--idle', '1'];
    const adopted = await stowage(streamArgs(OLD[1], simulation, ...run), { config });
    await expectIncomplete(adopted, `${POST_DATA}: gpcrondump has ended, and nothing`, config);
    await expectIncomplete(adopted, 'gpcrondump: it ended with exit code 2', config);
    await expectNothingLeft(simulation);
  });

  test('without a writer it ends after --idle, and leaves no FIFO', async () => {
    const [simulation, { config }] = await Promise.all([simulated(OLD), newRoot()]);
    const adopted = await stowage(streamArgs(OLD[1], simulation, '--idle', '1'), { config });
    const reason = `${SEGMENT}: no FIFO had a byte for 1 s, and nothing was written`;
    await expectIncomplete(adopted, reason, config);
    await expectNothingLeft(simulation);
  });

  test.each(['SIGINT', 'SIGKILL'] as const)('%s leaves no FIFO and no process', async (signal) => {
    const [simulation, { config }] = await Promise.all([simulated(OLD), newRoot()]);
    // After kill -9 of Stowage, gpcrondump finds no reader, and ends by itself.
    const run = signal === 'SIGINT' ? ['--run', 'exec sleep 600'] : [];
    const running = startStowage(streamArgs(OLD[1], simulation, ...run), { config });
    await running.waitForEvent('ready');
    const haveBegun = async () =>
      (await childrenOf(running.pid)).length >= simulation.fifos.length + run.length / 2;
    await waitUntil(haveBegun);
    const children = await childrenOf(running.pid);
    running.kill(signal);
    const ended = await running.ended;
    expect(ended.code, ended.text).toBe(signal === 'SIGINT' ? 130 : null);
    if (signal === 'SIGINT') expect(ended.json.status).toBe('incomplete');
    const left = async () =>
      (await Promise.all(children.map(({ pid }) => isRunning(pid)))).includes(true) ||
      simulation.fifos.some((path) => existsSync(path));
    expect(await readUntil(left, (some) => !some)).toBe(false);
  });

  test('a file at the path of a FIFO stops it before gpcrondump is started', async () => {
    const [simulation, { root, config }] = await Promise.all([simulated(OLD), newRoot()]);
    const [path = '', ...others] = simulation.fifos;
    await writeFile(path, 'an older dump');
    const run = ['--run', `touch '${simulation.lists}/started'`];
    const refused = await stowage(streamArgs(OLD[1], simulation, ...run), { config });
    expect([refused.code, refused.json.error.code], refused.text).toEqual([5, 'adopt/fifo']);
    expect(refused.json.error.message).toContain(`${path}`);
    expect(await isThere(join(simulation.lists, 'started'))).toBe(false);
    await expectNothingLeft({ ...simulation, fifos: others });
    expect(await Array.fromAsync((await place.open(root)).list(''))).toEqual([]);
  });
});

const runnable = await hasSshd();
if (!runnable) process.stderr.write('not run: FIFOs on other hosts (no /usr/sbin/sshd)\n');

describe.runIf(runnable)('stowage adopt gpcrondump --stream on other hosts', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd?.stop());

  test('FIFOs are made through ssh, for a gpcrondump that the user starts', async () => {
    const hostOf = (path: string) => (path.includes('/master/') ? 'localhost' : 'sdw1');
    const simulation = await simulated(NEW, { hostOf });
    const ssh = [...sshd.ssh.slice(0, -1), '-o', 'HostName=127.0.0.1', '{host}'];
    const { root, config } = await newRoot({ shippers: { command: [...ssh, 'shipper'] } });
    const running = startStowage(streamArgs(NEW[1], simulation, '--idle', '3'), { config });
    await running.waitForEvent('ready');
    exec(simulation.command);
    const adopted = await running.ended;
    expect(adopted.code, adopted.text).toBe(0);
    expect(await relationsOf(root, NEW[1])).toEqual(await relationsOfFiles(NEW));
    await expectNothingLeft(simulation);
  });
});
