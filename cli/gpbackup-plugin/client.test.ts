import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TOOL } from '../../backup-set/base/tool.ts';

const CLIENT = new URL('../../infra/launch/stowage-gpbackup-plugin', import.meta.url);

test('the client for gpbackup has the version of the program that it starts', async () => {
  const [, version] = /^VERSION=(.+)$/m.exec(await readFile(CLIENT, 'utf8')) ?? [];
  expect(`stowage ${version}`).toBe(TOOL);
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
