import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readUntil } from '../wait-for.ts';
import { freePort } from './free-port.ts';
import type { TestServer } from './postgres.ts';

export interface PgBouncer {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * A real PgBouncer before a server, which gives each transaction any of its connections. It accepts
 * the server's own user and these roles.
 */
export async function startPgBouncer(
  server: TestServer,
  roles: readonly string[] = [],
): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-pgbouncer-'));
  const port = await freePort();
  const isRoot = process.getuid?.() === 0;
  const users = [server.user, ...roles].map((role) => `"${role}" ""\n`);
  await writeFile(join(folder, 'users'), users.join(''));
  await writeFile(
    join(folder, 'ini'),
    [
      '[databases]',
      `* = host=${server.host} port=${server.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${join(folder, 'users')}`,
      'pool_mode = transaction',
      'ignore_startup_parameters = extra_float_digits',
      // It refuses to run as root.
      ...(isRoot ? ['user = postgres'] : []),
      '',
    ].join('\n'),
  );
  await chmod(folder, 0o755);
  const program = spawn('pgbouncer', ['-q', join(folder, 'ini')], {
    env: { PATH: `${process.env['PATH']}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  program.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(program, 'close');
  const isUp = await readUntil(
    () => answers(port),
    (up) => up || program.exitCode !== null,
  );
  if (!isUp) {
    program.kill();
    throw new Error(`pgbouncer did not start: ${stderr}`);
  }
  return {
    port,
    async stop() {
      program.kill('SIGINT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('connect', () => finish(true)).once('error', () => finish(false));
  });
}
