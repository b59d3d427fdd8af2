import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { runToEnd } from '../../async/child-process.ts';
import { TOOL } from '../../backup-set/base/tool.ts';

const CLIENT = new URL('../../infra/launch/stowage-gpbackup-plugin', import.meta.url);

test('the client for gpbackup has the version of the program that it starts', async () => {
  const [, version] = /^VERSION=(.+)$/m.exec(await readFile(CLIENT, 'utf8')) ?? [];
  expect(`stowage ${version}`).toBe(TOOL);
});

/** As a resident process: answers every call at its socket, after as long as Node may take. */
const SERVING = `const { createServer } = require('node:http');
const { appendFileSync } = require('node:fs');
appendFileSync(process.env.STARTS, process.pid + '\\n');
const server = createServer((request, response) => {
  request.resume().on('end', () => response.end());
});
server.on('error', () => process.exit(1));
setTimeout(() => server.listen(process.argv.at(-1)), 1_000);`;

/** The ids of the processes that were started. */
async function started(file: string): Promise<number[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/** One that finds its socket taken has ended already. */
function killIfRunning(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {}
}

test('one of two calls that find the lock of a killed owner starts the process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'client-'));
  const user = `test-${folder.slice(-6)}`;
  const sockets = `/tmp/stowage-gpbackup-${user}`;
  const script = (name: string, text: string) =>
    writeFile(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const starts = join(folder, 'starts');
  try {
    await mkdir(sockets, { mode: 0o700 });
    await Promise.all([
      script('id', `echo ${user}`),
      // Time passes between the look at the lock and what a call does with it.
      script(
        'readlink',
        `found=$(/usr/bin/readlink "$@") || exit 1; [ $1 = -f ] || sleep $DELAY; echo "$found"`,
      ),
      writeFile(join(folder, 'serving.cjs'), SERVING),
      script('node', `exec '${process.execPath}' '${join(folder, 'serving.cjs')}' "$@"`),
      writeFile(join(folder, 'plugin.yaml'), `options:\n  node: ${join(folder, 'node')}\n`),
      // No process has this id.
      symlink('4194304', join(sockets, 'plugin.yaml.lock')),
    ]);
    const call = async (delay: string) => {
      const path = `${folder}:${process.env['PATH']}`;
      const env = { ...process.env, PATH: path, STARTS: starts, DELAY: delay };
      const args = ['setup_plugin_for_restore', join(folder, 'plugin.yaml'), '/tmp', 'master'];
      return runToEnd('sh', [fileURLToPath(CLIENT), ...args], { env });
    };
    const ends = await Promise.all([call('0.1'), call('0.4'), call('0.7')]);
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(Array(3).fill([0, '']));
    expect(await started(starts)).toHaveLength(1);
  } finally {
    for (const pid of await started(starts)) killIfRunning(pid);
    await rm(sockets, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  }
});

/** Counts the rows of a call, and answers it after 2 s. */
const SLOW = `const { createServer } = require('node:http');
const { writeFileSync } = require('node:fs');
createServer((request, response) => {
  if (request.url === '/ping') return void response.end('ok');
  let bytes = 0;
  request.on('data', ({ length }) => (bytes += length));
  request.on('end', () => setTimeout(() => {
    writeFileSync(process.argv.at(-1) + '.bytes', String(bytes));
    response.end();
  }, 2_000));
}).listen(process.argv.at(-1));`;

test('the client waits for a long call, and not for a process that is stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'client-'));
  const user = `test-${folder.slice(-6)}`;
  const sockets = `/tmp/stowage-gpbackup-${user}`;
  const socket = join(sockets, 'plugin.yaml');
  await mkdir(sockets, { mode: 0o700 });
  const server = spawn(process.execPath, ['-e', SLOW, socket], { stdio: 'ignore' });
  try {
    await writeFile(join(folder, 'id'), `#!/bin/sh\necho ${user}\n`, { mode: 0o755 });
    const text = await readFile(CLIENT, 'utf8');
    // It watches at once. A process that runs may still need long for an answer.
    const watching = text.replace(/^WATCH_SECONDS=.*$/m, 'WATCH_SECONDS=1');
    const impatient = watching.replace(/^SILENT_SECONDS=.*$/m, 'SILENT_SECONDS=1');
    await writeFile(join(folder, 'watching'), watching);
    await writeFile(join(folder, 'impatient'), impatient.replaceAll('-m 5', '-m 1'));
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
    const call = (client: string) => {
      const args = [join(folder, client), 'backup_data', '/etc/plugin.yaml', '/data/file'];
      const running = spawn('sh', args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
      running.stdin.on('error', () => undefined);
      running.stdin.end('1,rows\n');
      return Promise.all([once(running, 'close'), Array.fromAsync(running.stderr)]);
    };
    await vi.waitUntil(() => existsSync(socket), 30_000);
    const [[code], errors] = await call('watching');
    expect([code, errors.join('')]).toEqual([0, '']);
    expect(await readFile(`${socket}.bytes`, 'utf8')).toBe('7');
    server.kill('SIGSTOP');
    const [[stopped], why] = await call('impatient');
    expect(stopped).toBe(1);
    expect(why.join('')).toBe(
      'stowage-gpbackup-plugin: backup_data: the resident process on this host has not answered for 1 seconds: it is stopped, or the host is overloaded\n',
    );
  } finally {
    server.kill('SIGKILL');
    await rm(sockets, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  }
});

test('the client passes no rows to a socket in a folder that is not its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'client-'));
  // The name of the folder of sockets follows from the user id.
  const user = `test-${folder.slice(-6)}`;
  const sockets = `/tmp/stowage-gpbackup-${user}`;
  let received = 0;
  const server = createServer((request, response) => {
    request.on('data', ({ length }: Buffer) => (received += length));
    request.on('end', () => response.end());
  });
  try {
    await writeFile(join(folder, 'id'), `#!/bin/sh\necho ${user}\n`, { mode: 0o755 });
    await symlink(folder, sockets);
    server.listen(join(folder, 'plugin.yaml'));
    await once(server, 'listening');
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
    const args = [fileURLToPath(CLIENT), 'backup_data', '/etc/plugin.yaml', '/data/file'];
    const client = spawn('sh', args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
    client.stdin.on('error', () => undefined);
    client.stdin.end('1,secret\n');
    const [errors, [code]] = await Promise.all([
      Array.fromAsync(client.stderr as AsyncIterable<Buffer>),
      once(client, 'close'),
    ]);
    expect(received).toBe(0);
    expect(code).toBe(1);
    expect(Buffer.concat(errors).toString()).toMatch(/must be a folder of this user/);
  } finally {
    server.close();
    await rm(sockets, { force: true });
    await rm(folder, { recursive: true, force: true });
  }
});
