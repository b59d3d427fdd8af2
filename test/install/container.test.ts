import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BARE_MACHINE } from '../support/install/bare-machine.ts';
import { bundleAt, packBundle } from '../support/install/light-bundle.ts';

const run = promisify(execFile);
const runnable = await run('buildah', ['--version']).then(
  () => true,
  () => false,
);
if (!runnable) process.stderr.write('not run: the container (no buildah)\n');

const CONTAINERFILE = new URL('../../infra/container/Containerfile', import.meta.url).pathname;
/** What the programs need of their base image: glibc, libstdc++, a shell and readlink. */
const LIBRARIES = 'libc.so.6 libdl.so.2 libm.so.6 libpthread.so.0 libgcc_s.so.1 libstdc++.so.6*';
const BASE = `cd ${BARE_MACHINE}
tar -cf - lib lib64 bin usr/lib64 usr/bin/sh usr/bin/dash usr/bin/readlink $(cd usr/lib/x86_64-linux-gnu
  for each in ${LIBRARIES} ld-linux-x86-64.so.2 libselinux.so.1 libpcre2-8.so.0*
  do echo usr/lib/x86_64-linux-gnu/$each; done)`;

describe.skipIf(!runnable)('the container', () => {
  let folder: string;
  const buildah = async (...args: string[]) => {
    const places = ['--root', join(folder, 'images'), '--runroot', join(folder, 'run')];
    const all = ['--storage-driver', 'vfs', ...places, ...args];
    return (await run('buildah', all, { cwd: folder })).stdout.trim();
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-container-'));
    await mkdir(join(folder, 'context'));
    await bundleAt(join(folder, 'bundle'));
    await packBundle(
      join(folder, 'bundle'),
      join(folder, 'context/stowage-1.0.0-rc.1-linux-x64.tar.gz'),
    );
    await run('sh', ['-c', `${BASE} > ${join(folder, 'context/base.tar')}`]);
    await writeFile(join(folder, 'Base'), 'FROM scratch\nADD base.tar /\n');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is built from the archive on any base with glibc, and its program starts as a plain user', async () => {
    const build = ['build', '--isolation', 'chroot', '--quiet'];
    await buildah(...build, '-f', 'Base', '-t', 'base', 'context');
    const base = ['--build-arg', 'BASE=localhost/base', '--format', 'docker'];
    await buildah(...build, ...base, '-f', CONTAINERFILE, '-t', 'stowage', 'context');
    const container = await buildah('from', 'localhost/stowage');
    const inside = (...args: string[]) =>
      buildah('run', '--isolation', 'chroot', container, '--', ...args);
    expect(await inside('/usr/lib/stowage/stowage', '--version')).toBe('stowage 1.0.0-rc.1');
    const uid = ['/usr/lib/stowage/node', '-p', 'process.getuid()'];
    expect(await inside(...uid)).toBe('1000');
    const format = '{{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}';
    const image = ['inspect', '--type', 'image', '--format', format, 'localhost/stowage'];
    expect(await buildah(...image)).toMatch(/^\[\/usr\/lib\/stowage\/stowage\] \[serve /);
  });
});
