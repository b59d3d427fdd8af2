import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bundle } from '../../../cli/hosts/bundle.ts';
import { makeBundle } from '../../../infra/package/bundle/bundle.ts';
import { makeTree } from '../../../infra/package/files/tree.ts';
import { makeDeb } from '../../../infra/package/formats/deb.ts';
import { makeNpm } from '../../../infra/package/formats/npm.ts';
import { makeRpm } from '../../../infra/package/formats/rpm.ts';
import { manualPages } from '../../../infra/package/manual/pages.ts';
import { COORDINATOR_FLAGS, SHIPPER_FLAGS } from '../../../segment-shipper/protocol/node-flags.ts';

/** A Node that is small: the header and the sections of an executable are what the build reads. */
const NODE = '/bin/true';
const day = new Date('2026-01-31T12:00:00Z');
const has = (program: string) => spawnSync(program, ['--version']).error === undefined;
const missing = ['dpkg-deb', 'rpmbuild', 'mandoc'].filter((program) => !has(program));
if (missing.length > 0)
  process.stderr.write(`not run: what needs ${missing.join(', ')} (not installed)\n`);
const runnable = process.arch === 'x64' && process.platform === 'linux';

describe.skipIf(!runnable)('packages', () => {
  let folder: string;
  let bundle: Bundle;
  const at = (...names: string[]) => join(folder, ...names);
  const run = (program: string, ...args: string[]) => {
    const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', cwd: folder });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
    return stdout;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-packages-'));
    await mkdir(at('programs'));
    for (const name of [
      ...['stowage.js', 'stowage.main.js', 'segment-shipper.js', 'segment-shipper.main.js'],
      ...['stowage-gpbackup-plugin', 'package.json'],
    ])
      await writeFile(at('programs', name), '#!/usr/bin/env -S node --flag\n{}\n');
    await writeFile(at('license'), 'of Node\n');
    const node = { executable: NODE, license: at('license'), version: '24.0.0' };
    const parts = { version: '1.0.0-rc.1', node, programs: at('programs') } as const;
    await expect(makeBundle(at('arm'), { ...parts, architecture: 'arm64' })).rejects.toThrow(
      '/bin/true is for x64, not arm64',
    );
    bundle = await makeBundle(at('bundle'), { ...parts, architecture: 'x64' });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('a bundle lists the digest of each file, and starts its own Node with the flags of the program', async () => {
    run('sh', '-c', 'cd bundle && sha256sum -c --quiet SHA256SUMS');
    const sums = await readFile(at('bundle/SHA256SUMS'), 'utf8');
    const listed = sums
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(66));
    const there = run('ls', 'bundle').trimEnd().split('\n');
    expect(listed).toEqual(there.filter((name) => name !== 'SHA256SUMS').toSorted());
    const shipper = await readFile(at('bundle/stowage-segment-shipper'), 'utf8');
    expect(shipper).toContain(`/node" ${SHIPPER_FLAGS.join(' ')} "\${file%/*}/segment-shipper.js"`);
    const command = await readFile(at('bundle/stowage'), 'utf8');
    expect(command).toContain(`/node" ${COORDINATOR_FLAGS.join(' ')} "\${file%/*}/stowage.js"`);
    expect(await readFile(at('bundle/stowage.js'), 'utf8')).not.toContain('#!');
    expect(bundle).toEqual({
      version: '1.0.0-rc.1',
      platform: 'linux-x64',
      node: '24.0.0',
      glibc: expect.stringMatching(/^2\.\d+$/),
    });
  });

  test.skipIf(!has('dpkg-deb'))(
    'the .deb holds what a user needs, and starts no service',
    async () => {
      await makeTree(at('deb'), { bundle: at('bundle'), format: 'deb', day });
      const file = await makeDeb(at('deb'), { out: folder, bundle, compression: 'none', day });
      const listing = run('dpkg-deb', '--contents', file);
      for (const line of [
        /^-rw-r----- root\/root .* \.\/etc\/stowage\/stowage\.yaml$/m,
        /^lrwxrwxrwx root\/root .* \.\/usr\/bin\/stowage -> \.\.\/lib\/stowage\/stowage$/m,
        /\.\/usr\/bin\/stowage-segment-shipper -> /,
        /\.\/usr\/bin\/stowage-gpbackup-plugin -> /,
        /^-rwxr-xr-x .* \.\/usr\/lib\/stowage\/node$/m,
        /\.\/usr\/lib\/systemd\/system\/stowage-serve\.(service|socket)$/m,
        /\.\/usr\/share\/man\/man1\/stowage-backup\.1\.gz$/m,
        /\.\/usr\/share\/man\/man5\/stowage\.yaml\.5\.gz$/m,
        /\.\/usr\/share\/bash-completion\/completions\/stowage$/m,
        /\.\/usr\/share\/doc\/stowage\/install\.md$/m,
      ])
        expect(listing).toMatch(line);
      run('dpkg-deb', '--control', file, 'control');
      expect(await readFile(at('control/conffiles'), 'utf8')).toBe('/etc/stowage/stowage.yaml\n');
      expect(await readFile(at('control/control'), 'utf8')).toContain(
        `Depends: libc6 (>= ${bundle.glibc}),`,
      );
      await mkdir(at('stubs'));
      for (const name of ['getent', 'install', 'systemctl', 'chgrp'])
        await writeFile(at('stubs', name), '#!/bin/sh\necho "$0"\n', { mode: 0o755 });
      const configure = (...more: string[]) =>
        run('env', `PATH=${at('stubs')}:/usr/bin:/bin`, 'control/postinst', 'configure', ...more);
      // An upgrade keeps the group that the operator gave the file, and works without the file.
      expect(configure('0.0.9')).not.toContain('chgrp');
      configure('');
      for (const script of ['postinst', 'prerm', 'postrm']) {
        run('sh', '-n', `control/${script}`);
        expect(await readFile(at('control', script), 'utf8')).not.toMatch(
          /\b(enable|start|restart)\b/,
        );
      }
    },
  );

  test.skipIf(!has('rpmbuild'))(
    'the .rpm holds the same files, and its digests are right',
    async () => {
      await makeTree(at('rpm'), { bundle: at('bundle'), format: 'rpm', day });
      const file = await makeRpm(at('rpm'), { out: folder, bundle, compression: 'none', day });
      expect(run('rpm', '-K', file)).toMatch(/: digests OK$/m);
      const files = run('rpm', '-qlp', file).split('\n');
      for (const name of ['lib/stowage/node', 'bin/stowage', 'share/man/man1/stowage-hosts.1.gz'])
        expect(files).toContain(`/usr/${name}`);
      const modes = run(
        'rpm',
        '-qp',
        '--qf',
        '[%{FILEMODES:perms} %{FILEGROUPNAME} %{FILENAMES}\n]',
        file,
      );
      expect(modes).toMatch(/^-rw-r----- stowage \/etc\/stowage\/stowage\.yaml$/m);
      expect(run('rpm', '-qcp', file)).toBe('/etc/stowage/stowage.yaml\n');
      expect(run('rpm', '-qp', '--requires', file)).toContain(`glibc >= ${bundle.glibc}`);
      expect(run('rpm', '-qp', '--scripts', file)).not.toMatch(/\b(enable|start|restart)\b/);
    },
  );

  test('the npm package needs Node 24 and no other package', async () => {
    const parts = { version: '1.0.0-rc.1', programs: at('programs'), out: folder, day };
    const file = await makeNpm(at('npm'), parts);
    const described = JSON.parse(run('tar', '-xzOf', file, 'package/package.json')) as object;
    expect(described).toMatchObject({ engines: { node: '>=24' }, name: 'stowage' });
    expect(Object.keys(described).filter((key) => /private|ependencies|scripts/.test(key))).toEqual(
      [],
    );
    expect((await stat(at('npm/stowage.js'))).mode & 0o111).toBe(0o111);
  });

  test.skipIf(!has('mandoc'))(
    'mandoc finds no fault in the man pages, except long lines',
    async () => {
      await mkdir(at('man'));
      const pages = await manualPages(day);
      for (const [name, text] of pages) await writeFile(at('man', name), text);
      const names = [...pages.keys()].map((name) => `man/${name}`);
      expect(names).toContain('man/stowage-completion.1');
      const { stdout } = spawnSync('mandoc', ['-T', 'lint', ...names], {
        cwd: folder,
        encoding: 'utf8',
      });
      const faults = stdout
        .split('\n')
        .filter((line) => line !== '' && !line.includes('longer than 80 bytes'));
      // A page may refer to pages of this package, which are not installed here.
      expect(faults.filter((line) => !line.includes('referenced manual not found'))).toEqual([]);
      const shown = run('mandoc', '-T', 'utf8', 'man/stowage.yaml.5').replaceAll(
        new RegExp(`.${String.fromCharCode(8)}`, 'g'),
        '',
      );
      expect(shown).toMatch(/shippers\.workers\n.*connections that move rows/);
    },
  );
});
