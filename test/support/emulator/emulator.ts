import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { terminate } from '../../../async/child-process.ts';
import { freePort } from '../servers/free-port.ts';

/** A server with AWS's API: the emulator in .venv, or the one at STOWAGE_TEST_AWS_ENDPOINT. */
export interface Emulator {
  readonly endpoint: string;
  readonly region: string;
  /** What a process needs to reach it by the SDK's default chain. */
  readonly env: Readonly<Record<string, string>>;
  /** Its log so far; empty when this process has not started it. */
  log(): Promise<string>;
  /** May be called twice. */
  stop(): Promise<void>;
}

const PYTHON = resolve(import.meta.dirname, '../../../.venv/bin/python');
const GIVEN = process.env['STOWAGE_TEST_AWS_ENDPOINT'] ?? '';
const REGION = 'eu-central-1';
const START_MS_MAX = 150_000;
const STOP_MS_MAX = 5_000;

/** True when no emulator is installed or named: the tests of the stack are then skipped. */
export const withoutEmulator =
  process.env['STOWAGE_WITHOUT_EMULATOR'] === '1' || (GIVEN === '' && !existsSync(PYTHON));
if (withoutEmulator)
  process.stderr.write(
    'skipped: all tests on the emulator of AWS (npm run test:stack shows what they need)\n',
  );

/**
 * With `enforcesPolicies`, functions have only the rights of their roles, and a client with the
 * keys of `env` has all rights that the policies of buckets and queues do not deny. The emulator
 * then uses TLS, because these policies require it.
 */
export async function startEmulator({ enforcesPolicies = false } = {}): Promise<Emulator> {
  if (GIVEN !== '')
    return { ...reachedAt(GIVEN), log: () => Promise.resolve(''), stop: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), 'stowage-aws-'));
  const port = await freePort();
  const output = await open(join(folder, 'log'), 'a');
  // The kernel kills it when this process ends; its functions end when their standard input does.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', PYTHON, '-m', 'ministack'], {
    cwd: folder,
    stdio: ['ignore', output.fd, output.fd],
    env: {
      // Functions run on the Node of this process, with none of its other environment.
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: folder,
      TMPDIR: folder,
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      LAMBDA_EXECUTOR: 'local',
      AUTH: String(enforcesPolicies),
      USE_SSL: enforcesPolicies ? '1' : '0',
    },
  });
  await output.close();
  const log = () => readFile(join(folder, 'log'), 'utf8').catch(() => '');
  const stop = async () => {
    // Its state is thrown away, so a slow emulator may be killed.
    await terminate(child, STOP_MS_MAX);
    await rm(folder, { recursive: true, force: true });
  };
  const { env, ...reached } = reachedAt(
    `${enforcesPolicies ? 'https' : 'http'}://127.0.0.1:${port}`,
  );
  const certificate = join(folder, 'ministack-tls/server.crt');
  try {
    await waitUntilListening(port, () => child.exitCode !== null);
    if (!enforcesPolicies) return { ...reached, env, log, stop };
    setDefaultCACertificates([
      ...getCACertificates('default'),
      await readFile(certificate, 'utf8'),
    ]);
    const trusted = { NODE_EXTRA_CA_CERTS: certificate, AWS_CA_BUNDLE: certificate };
    return { ...reached, env: { ...env, ...trusted }, log, stop };
  } catch (error) {
    const text = await log();
    await stop();
    throw new Error(`the emulator did not start:\n${text.slice(-4000)}`, { cause: error });
  }
}

function reachedAt(endpoint: string): Pick<Emulator, 'endpoint' | 'region' | 'env'> {
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: process.env['AWS_ACCESS_KEY_ID'] ?? 'test',
    AWS_SECRET_ACCESS_KEY: process.env['AWS_SECRET_ACCESS_KEY'] ?? 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return { endpoint, region: REGION, env };
}

async function waitUntilListening(port: number, hasEnded: () => boolean): Promise<void> {
  for (
    const until = Date.now() + START_MS_MAX;
    Date.now() < until && !hasEnded();
    await sleep(50)
  ) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
  }
  throw new Error(hasEnded() ? 'the process has ended' : `not ready after ${START_MS_MAX} ms`);
}
