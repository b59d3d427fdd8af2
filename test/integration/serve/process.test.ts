import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import { type RunningCli, startStowage, writeConfig } from '../../support/cli.ts';
import { makeCertificates } from '../../support/servers/certificates.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { fileOf, freshDeps, keysOf, verdictsOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { ask, eventsOf, metricIn, post } from './serving.ts';

/** The server as a separate process, which can get signals and crash. */

const sealOf = (index: number) =>
  formatKey({
    kind: 'seal',
    timestamp: timestampOf(new Date(Date.UTC(2026, 0, 1) + index * 1000)),
  });

async function configOf(root: string, more: object = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'serve-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const segments = [{ content: 0, host: '127.0.0.1' }];
  return writeConfig(join(folder, 'stowage.yaml'), { root, database: 'shop', segments, ...more });
}

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y' };

async function startServing(config: string, env: Record<string, string> = {}) {
  const cli = startStowage(['serve', '--port', '0', '--sweep', '3600'], {
    config,
    env: { ...CREDENTIALS, ...env },
  });
  onTestFinished(async () => {
    cli.kill('SIGKILL');
    await cli.ended;
  });
  const { url } = await cli.waitForEvent('serving');
  return { cli, url: String(url) };
}

/**
 * An S3 server that holds all answers until it is released, and then answers that nothing exists,
 * so that every job waits for it. Of the listings it holds only the first, that of the sweep: a
 * held health check would take half of the time that a server has to drain.
 */
async function heldS3() {
  const held: ServerResponse[] = [];
  let open = false;
  let listings = 0;
  const answer = (response: ServerResponse) => response.writeHead(404).end();
  const server = createServer((request, response) => {
    request.resume();
    const isCheck = request.url?.includes('list-type=2') === true && ++listings > 1;
    if (open || isCheck) answer(response);
    else held.push(response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    config: () => configOf('s3://backups', { storage: { endpoint: `http://127.0.0.1:${port}` } }),
    release() {
      open = true;
      for (const response of held.splice(0)) answer(response);
    },
    asked: () => held.length,
  };
}

const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text();

/** Waits for the sweep with which every server starts. */
async function sweptOnce(url: string): Promise<void> {
  const ended = async (result: string) =>
    metricIn(await metricsOf(url), `stowage_sweeps_total{result="${result}"}`) ?? 0;
  await waitUntil(async () => (await ended('done')) + (await ended('failed')) > 0);
  expect(await ended('failed')).toBe(0);
}

async function idle(url: string): Promise<void> {
  await waitUntil(async () => {
    const state = (await (await fetch(`${url}/healthz`)).json()) as {
      running: number;
      waiting: number;
    };
    return state.running + state.waiting === 0;
  });
}

/** Posts 10,000 events in 100 bodies, ten at a time. */
async function flood(url: string, keyOf: (event: number) => string): Promise<void> {
  const bodies = Array.from({ length: 100 }, (_, body) =>
    eventsOf(
      Array.from({ length: 100 }, (_unused, event) => keyOf(body * 100 + event)),
      'backups',
    ),
  );
  for (let first = 0; first < bodies.length; first += 10) {
    const answers = await Promise.all(
      bodies.slice(first, first + 10).map((body) => post(url, body)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }
}

describe('a flood of events', () => {
  it('runs at most two jobs per set for 10,000 events of five sets', async () => {
    const s3 = await heldS3();
    const { url } = await startServing(await s3.config());
    await flood(url, (event) => sealOf(event % 5));
    const during = await metricsOf(url);
    expect(metricIn(during, 'stowage_events_total{result="taken"}')).toBe(10_000);
    expect(metricIn(during, 'stowage_queue_running')).toBe(4);
    expect(metricIn(during, 'stowage_queue_waiting')).toBe(5);
    s3.release();
    await idle(url);
    const after = await metricsOf(url);
    const jobs = ['done', 'failed'].map(
      (result) => metricIn(after, `stowage_jobs_total{work="stitch",result="${result}"}`) ?? 0,
    );
    expect(jobs.reduce((sum, some) => sum + some)).toBe(9);
  });

  it('for 10,000 sets queues a thousand jobs and no more, in a heap of 40 MB', async () => {
    const s3 = await heldS3();
    // With 24 MB the program itself does not start.
    const { cli, url } = await startServing(await s3.config(), {
      NODE_OPTIONS: '--max-old-space-size=40',
    });
    for (let round = 0; round < 5; round += 1)
      await flood(url, (event) => sealOf(round * 10_000 + event));
    const during = await metricsOf(url);
    expect(metricIn(during, 'stowage_queue_waiting')).toBe(1000);
    expect(metricIn(during, 'stowage_events_total{result="taken"}')).toBe(1004);
    expect(metricIn(during, 'stowage_events_total{result="dropped"}')).toBe(50_000 - 1004);
    cli.kill('SIGKILL');
    await cli.ended;
  });
});

/** Replaces the file with a pipe without a writer: readers wait until the file is put back. */
async function heldUp(path: string): Promise<() => Promise<void>> {
  await rename(path, `${path}.meanwhile`);
  await promisify(execFile)('mkfifo', [path]);
  return () => rename(`${path}.meanwhile`, path);
}

describe('a crash', () => {
  it('during a job loses nothing, because the next start sweeps first', async () => {
    const deps = await freshDeps();
    const config = await configOf(deps.store.url);
    const sets = await Promise.all(
      Array.from({ length: 20 }, (_, day) =>
        storeObjects(deps.store, { timestamp: `202601${String(day + 1).padStart(2, '0')}000000` }),
      ),
    );
    const manifests = async () =>
      (await keysOf(deps.store)).filter((key) => key.endsWith('/manifest.json'));
    // Started on an empty root, so that its first sweep finds nothing of this.
    const first = await startServing(config);
    await sweptOnce(first.url);
    for (const set of sets) await storeAll(deps.store, documentsOf(set));
    const release = await heldUp(fileOf(deps.store, sets[7]?.plan.key ?? ''));
    await post(first.url, eventsOf(sets.map(({ seal }) => seal.key)));
    await waitUntil(async () => (await manifests()).length > 0);
    first.cli.kill('SIGKILL');
    expect((await first.cli.ended).code).toBeNull();
    expect((await manifests()).length).toBeLessThan(sets.length);
    await release();

    const second = await startServing(config);
    await sweptOnce(second.url);
    expect(await manifests()).toHaveLength(sets.length);
    const verdicts = await verdictsOf(deps.store);
    expect(verdicts.filter(({ status }) => status !== 'complete')).toEqual([]);
    expect(new Set(verdicts.map(({ timestamp }) => timestamp)).size).toBe(sets.length);
  });
});

describe('SIGTERM', () => {
  const endOf = async (cli: RunningCli) => (await cli.ended).code;

  it('lets running jobs end, starts no job, and exits with 0', async () => {
    const s3 = await heldS3();
    const { cli, url } = await startServing(await s3.config());
    await post(url, eventsOf([0, 1, 2, 3, 4, 5, 6, 7].map(sealOf), 'backups'));
    // Four jobs and the first sweep.
    await waitUntil(() => s3.asked() === 5);
    cli.kill('SIGTERM');
    await cli.waitForEvent('draining');
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ running: 4, waiting: 0 });
    const late = await post(url, eventsOf([sealOf(9)], 'backups'));
    expect(await late.json()).toEqual({ taken: 0, ignored: 0, dropped: 1 });
    s3.release();
    expect(await endOf(cli)).toBe(0);
  });

  it('a second time ends the process at once', async () => {
    const s3 = await heldS3();
    const { cli, url } = await startServing(await s3.config());
    await post(url, eventsOf([sealOf(0)], 'backups'));
    await waitUntil(() => s3.asked() === 2);
    cli.kill('SIGTERM');
    await cli.waitForEvent('draining');
    cli.kill('SIGTERM');
    expect(await endOf(cli)).toBe(130);
  });
});

describe('SIGHUP', () => {
  it('without TLS stops the server in order, as SIGTERM does', async () => {
    const deps = await freshDeps();
    const { cli } = await startServing(await configOf(deps.store.url));
    cli.kill('SIGHUP');
    await cli.waitForEvent('draining');
    expect((await cli.ended).code).toBe(0);
  });

  it('with TLS reloads the certificates and stops nothing', async () => {
    const certificates = await makeCertificates();
    onTestFinished(() => certificates.remove());
    const { certFile, keyFile } = await (await certificates.authority('ours')).issue('server');
    const deps = await freshDeps();
    const config = await configOf(deps.store.url, {
      serve: { tlsCert: certFile, tlsKey: keyFile },
    });
    const { cli } = await startServing(config);
    cli.kill('SIGHUP');
    await cli.waitForEvent('renewed');
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
  });
});

const pidsIn = (said: string) => [...said.matchAll(/^pid (\d+)$/gm)].map(([, pid]) => Number(pid));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a socket of systemd', () => {
  it('keeps connections waiting while the server restarts, and refuses none', async () => {
    const deps = await freshDeps();
    const config = await configOf(deps.store.url);
    const listener = createTcpServer();
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    const { port } = listener.address() as AddressInfo;
    const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
    // A shell holds the socket, as systemd would; it starts a server per line of its input.
    const main = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
    const start = `echo "pid $$" >&2; LISTEN_FDS=1 LISTEN_PID=$$ exec "${process.execPath}" "${main}" serve --json --config "${config}"`;
    const shell = spawn('sh', ['-c', `while read -r line; do sh -c '${start}' </dev/null; done`], {
      stdio: ['pipe', 'ignore', 'pipe', fd],
    });
    listener.close();
    onTestFinished(() => {
      shell.kill('SIGKILL');
      for (const pid of pidsIn(said).filter(isAlive)) process.kill(pid, 'SIGKILL');
    });
    let said = '';
    shell.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    // A new connection each: a kept one would belong to the server that has ended.
    const send = () => ask(`http://127.0.0.1:${port}/events`, { method: 'POST', body: '[]' });

    shell.stdin?.write('first\n');
    await waitUntil(() => said.includes('"event":"serving"'));
    expect((await send()).status).toBe(200);
    const [pid = 0] = pidsIn(said);
    process.kill(pid, 'SIGTERM');
    await waitUntil(() => said.includes('"event":"draining"'));
    await waitUntil(() => !isAlive(pid));
    const waiting = send();
    shell.stdin?.end('second\n');
    expect((await waiting).status).toBe(200);
  });
});
