import { execFile, spawn } from 'node:child_process';
import { access, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readUntil } from '../wait-for.ts';
import { freePort } from './free-port.ts';

const SSHD = '/usr/sbin/sshd';

export interface Sshd {
  /** The start of a `shippers.command` that runs a program on `{host}` through this server. */
  readonly ssh: readonly string[];
  stop(): Promise<void>;
}

export async function hasSshd(): Promise<boolean> {
  return access(SSHD).then(
    () => true,
    () => false,
  );
}

/** A real OpenSSH server on the loopback interface, with new keys, for the current user. */
export async function startSshd(env: Readonly<Record<string, string>> = {}): Promise<Sshd> {
  const home = await mkdtemp(join(tmpdir(), 'stowage-sshd-'));
  const at = (name: string) => join(home, name);
  const keygen = (file: string) =>
    promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(file)]);
  await Promise.all([keygen('host'), keygen('user')]);
  await copyFile(at('user.pub'), at('authorized'));
  const port = await freePort();
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  await writeFile(
    at('config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized')}`,
      `PidFile ${at('pid')}`,
      'PasswordAuthentication no',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin prohibit-password',
      ...(set.length > 0 ? [`SetEnv ${set.join(' ')}`] : []),
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  // Its privilege separation needs this folder, which a service manager normally creates.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const daemon = spawn(SSHD, ['-D', '-e', '-f', at('config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  daemon.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if (
    !(await readUntil(
      () => answers(port),
      (up) => up,
    ))
  ) {
    daemon.kill();
    throw new Error(`sshd did not start: ${stderr}`);
  }
  return {
    ssh: [
      ...['ssh', '-F', 'none', '-p', String(port), '-i', at('user'), '-l', userInfo().username],
      ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=accept-new'],
      ...['-o', `UserKnownHostsFile=${at('known')}`, '-o', 'IdentitiesOnly=yes'],
      '{host}',
    ],
    async stop() {
      if (daemon.exitCode === null) {
        const exited = new Promise((resolve) => daemon.once('exit', resolve));
        daemon.kill('SIGTERM');
        await exited;
      }
      await rm(home, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    // Also when the server closes the connection without a greeting, as a stopping sshd does.
    socket.once('error', () => resolve(false)).once('close', () => resolve(false));
  });
}
