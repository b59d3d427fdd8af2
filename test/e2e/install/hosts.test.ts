import { spawnSync } from 'node:child_process';
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeConfig } from '../../support/cli.ts';
import { lightBundleAt, packBundle, putDigests } from '../../support/install/light-bundle.ts';
import { hasSshd, type Sshd, startSshd } from '../../support/servers/sshd.ts';

interface HostsOutput {
  readonly hosts: readonly {
    readonly host: string;
    readonly state: string;
    readonly had?: string;
    readonly contents: readonly number[];
    readonly error?: { readonly code: string; readonly message: string };
  }[];
  readonly error?: { readonly code: string; readonly message: string };
}

const runnable = (await hasSshd()) && process.arch === 'x64';
if (!runnable) process.stderr.write('not run: stowage hosts (needs /usr/sbin/sshd, on x64)\n');

describe.skipIf(!runnable)('stowage hosts', () => {
  let folder: string;
  let sshd: Sshd;
  const at = (...names: string[]) => join(folder, ...names);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-hosts-test-'));
    // bash reads this before each command, as a careless .bashrc does.
    await writeFile(
      at('noise.sh'),
      'echo "machine i386"; echo "Welcome!"; echo "mind the disk" >&2',
    );
    await mkdir(at('home'));
    [sshd] = await Promise.all([
      startSshd({ HOME: at('home'), BASH_ENV: at('noise.sh') }),
      lightBundleAt(at('bundle')),
    ]);
  });
  afterAll(async () => {
    await sshd?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const config = (hosts: readonly string[], ssh: readonly string[] = sshd.ssh) =>
    writeConfig(at(`${hosts.join('-')}-${ssh[0]}.yaml`), {
      root: `file://${at('root')}`,
      database: 'shop',
      segments: hosts.map((host, content) => ({ content, host })),
      shippers: { command: [...ssh, 'stowage-segment-shipper'] },
    });

  /** Runs the program of a bundle, as a user starts it: by its launcher. */
  function run(args: readonly string[], program = at('bundle/stowage')) {
    const env = { PATH: process.env['PATH'], HOME: at('home') };
    const ran = spawnSync(program, [...args], { env, encoding: 'utf8', timeout: 60_000 });
    return { code: ran.status, text: ran.stdout + ran.stderr };
  }
  function hosts(action: string, file: string, ...more: readonly string[]) {
    const { code, text } = run(['hosts', action, '--json', '--config', file, ...more]);
    const last = text.split('\n').find((line) => /^\{"(hosts|error)"/.test(line));
    return { code, text, json: JSON.parse(last ?? '{}') as HostsOutput };
  }
  const statesOf = ({ json }: { json: HostsOutput }) =>
    json.hosts.map(({ host, state }) => `${host} ${state}`);
  const installed = (home = at('home')) => join(home, '.local/lib/stowage');

  test('install puts the shipper onto every host that answers, and names the one that does not', async () => {
    const file = await config(['127.0.0.1', 'nowhere.invalid', '127.0.0.1']);
    const before = hosts('check', file);
    expect(statesOf(before)).toEqual(['127.0.0.1 absent', 'nowhere.invalid failed']);
    expect(before.json.hosts[0]).toMatchObject({ contents: [0, 2], machine: 'x86_64' });
    expect(before.code).toBe(4);

    const made = hosts('install', file);
    expect(statesOf(made)).toEqual(['127.0.0.1 installed', 'nowhere.invalid failed']);
    expect(made.json.hosts[1]?.error).toMatchObject({
      code: 'hosts/unreachable',
      message: expect.stringMatching(/^nowhere\.invalid: .*resolve/),
    });
    expect(made.code).toBe(4);

    const shipper = join(installed(), 'current/stowage-segment-shipper');
    expect(run(['--version'], shipper).text).toBe('stowage 1.0.0-rc.1\n');
    const [name = '', ...others] = (await readdir(installed())).toSorted();
    expect(name).toMatch(/^1\.0\.0-rc\.1-[0-9a-f]{12}-[0-9a-f]{8}$/);
    expect(others).toEqual(['current']);

    const again = hosts('install', file, '--host', '127.0.0.1');
    expect(statesOf(again)).toEqual(['127.0.0.1 ready']);
    expect(again.code).toBe(0);
    expect(await readlink(join(installed(), 'current'))).toBe(name);
  });

  test('a damaged file is found by check, and replaced by install', async () => {
    const file = await config(['127.0.0.1']);
    await appendFile(join(installed(), 'current/segment-shipper.main.js'), '// changed\n');
    const found = hosts('check', file);
    expect(statesOf(found)).toEqual(['127.0.0.1 damaged']);
    expect(found.code).toBe(4);
    expect(statesOf(hosts('install', file))).toEqual(['127.0.0.1 installed']);
    const { code, text } = run(['hosts', 'check', '--config', file]);
    expect(text).toMatch(/^127\.0\.0\.1 +x86_64 +\d\.\d+ +1\.0\.0-rc\.1 +ready$/m);
    expect(text).toContain('.local/lib/stowage/current/stowage-segment-shipper');
    expect(code).toBe(0);
  });

  test('an archive that arrives truncated, or does not start there, leaves what the host had', async () => {
    const had = await readlink(join(installed(), 'current'));
    await cp(at('bundle'), at('other'), { recursive: true });
    await writeFile(at('other/node'), '#!/bin/sh\necho "GLIBC_2.99 not found" >&2; exit 1\n');
    await putDigests(at('other'));
    await packBundle(at('other'), at('other.tar.gz'));
    const other = ['--bundle', at('other.tar.gz')];

    const cut = ['bash', '-c', 'head -c 100000 | exec "$@"', 'ssh', ...sshd.ssh];
    // Only the installation sends anything: `check` has no input.
    const truncated = hosts('install', await config(['127.0.0.1'], cut), ...other);
    expect(truncated.json.hosts[0]?.error).toEqual({
      code: 'hosts/install',
      message: '127.0.0.1: the archive arrived damaged',
    });
    const broken = hosts('install', await config(['127.0.0.1']), ...other);
    expect(broken.json.hosts[0]?.error).toEqual({
      code: 'hosts/install',
      message: '127.0.0.1: GLIBC_2.99 not found',
    });
    expect([truncated.code, broken.code]).toEqual([4, 4]);
    expect(await readlink(join(installed(), 'current'))).toBe(had);
    expect((await readdir(installed())).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('install keeps the version before, removes older ones, and touches nothing else', async () => {
    const to = at('versions');
    for (const name of ['0.0.7-aaaaaaaaaaaa-bbbbbbbb', '0.0.8-aaaaaaaaaaaa-bbbbbbbb', '1.5-mine']) {
      await mkdir(join(to, name), { recursive: true });
      await writeFile(join(to, name, 'bundle.json'), '{}');
      await writeFile(join(to, name, 'stowage-segment-shipper'), '#!/bin/sh\necho stowage 0.0.8\n');
      await chmod(join(to, name, 'stowage-segment-shipper'), 0o755);
    }
    await symlink('0.0.8-aaaaaaaaaaaa-bbbbbbbb', join(to, 'current'));
    const file = await config(['127.0.0.1', 'localhost']);
    const made = hosts('install', file, '--to', to, '--at-once', '2');
    // Both names are one host here: two installations into one folder at once.
    expect(made.json.hosts.map(({ state }) => state)).toEqual(['installed', 'installed']);
    expect((await readdir(to)).filter((name) => name.startsWith('0.0.7'))).toEqual([]);
    expect(await readdir(to)).toContain('1.5-mine');
    expect(statesOf(hosts('check', file, '--to', to))).toEqual([
      '127.0.0.1 ready',
      'localhost ready',
    ]);
  });

  test('a program without a Node of its own, a bundle of another version and an unknown host are refused', async () => {
    await cp(at('bundle'), at('npm'), { recursive: true });
    await rm(at('npm/bundle.json'));
    const file = await config(['127.0.0.1']);
    const { code, text } = run(['hosts', 'install', '--config', file], at('npm/stowage'));
    expect(text).toMatch(/was not installed from the \.deb.*\n {2}hosts\/bundle: .*--bundle/s);
    expect(code).toBe(2);
    await writeFile(
      at('npm/bundle.json'),
      '{"version":"0.0.9","platform":"linux-x64","node":"24.0.0","glibc":"2.28"}',
    );
    await packBundle(at('npm'), at('old.tar.gz'));
    const old = hosts('install', file, '--bundle', at('old.tar.gz'));
    expect(old.json.error?.message).toMatch(
      /has stowage 0\.0\.9, and this is stowage 1\.0\.0-rc\.1/,
    );
    expect(hosts('check', file, '--to', '~root/x').json.error?.message).toMatch(/^--to "~root/);
    const unknown = hosts('check', file, '--host', 'x').json.error;
    expect(unknown?.message).toMatch(/^--host x: no segment of this cluster is on that host/);
  });
});
