import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTree } from '../../infra/package/files/tree.ts';
import { makeDeb } from '../../infra/package/formats/deb.ts';
import { makeNpm } from '../../infra/package/formats/npm.ts';
import { type BareMachine, bareMachine } from '../support/install/bare-machine.ts';
import { bundleAt } from '../support/install/light-bundle.ts';
import { STOWAGE } from '../support/programs/programs.ts';

/** The blocks of docs/install.md that a reader runs: as root, and as the user of the backup. */
const page = await readFile(new URL('../../docs/install.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```sh( user)?\n(.*?)^```$/gms)].map(([, user, text = '']) => ({
  asUser: user !== undefined,
  text,
}));

/** Debian's server, as its package has made it, with a database. */
const SERVER = `echo "listen_addresses = ''" >> /etc/postgresql/15/main/postgresql.conf
pg_ctlcluster 15 main start`;
const DATABASE = `su postgres -c "psql -qc 'CREATE DATABASE orders' && psql -qd orders -c 'CREATE TABLE sold AS SELECT n, md5(n::text) FROM generate_series(1, 5000) n'"`;
const COUNT = `su postgres -c "psql -qAtd orders_restored -c 'SELECT count(*), sum(n) FROM sold'"`;

let machine: BareMachine;
beforeAll(async () => {
  machine = await bareMachine();
  const at = (name: string) => join(machine.packages, name);
  await bundleAt(at('bundle'));
  const day = new Date();
  await makeTree(at('tree'), { bundle: at('bundle'), format: 'deb', day });
  const bundle = JSON.parse(await readFile(at('bundle/bundle.json'), 'utf8'));
  const out = machine.packages;
  await makeDeb(at('tree'), { out, bundle, compression: 'none', day });
  const npm = { version: '1.0.0-rc.1', programs: dirname(STOWAGE), out, day };
  const tarball = await makeNpm(at('npm-package'), npm);
  await promisify(execFile)('npm', ['install', '-g', '--offline', '--prefix', at('npm'), tarball]);
});
afterAll(() => machine?.remove());

test('the commands of docs/install.md install, back up and restore on a Debian that has nothing', async () => {
  expect(blocks.map(({ asUser }) => asUser)).toEqual([false, false, true, true]);
  const script = [
    'exec 2>&1',
    ...[SERVER, DATABASE, 'cd /packages'],
    ...blocks.map(({ asUser, text }) =>
      asUser
        ? `cat > /tmp/page.sh <<'END'\n${text}END\nsu postgres -c 'cd; sh -e /tmp/page.sh'`
        : text,
    ),
    `echo "restored: $(${COUNT})"`,
    `echo "user: $(getent passwd stowage)"`,
    `stat -c '%a %U %G' /etc/stowage /etc/stowage/stowage.yaml`,
    `find /etc/systemd -name 'stowage*' | sed 's/^/enabled: /'`,
    // The program of the npm package, with a Node of the same version in PATH.
    `su postgres -c 'PATH=/usr/lib/stowage:$PATH /packages/npm/bin/stowage backup' | sed 's/^/npm: /'`,
    'echo "# mine" >> /etc/stowage/stowage.yaml; dpkg -i stowage_1.0.0~rc.1_amd64.deb >/dev/null 2>&1',
    'tail -n 1 /etc/stowage/stowage.yaml',
    'dpkg --purge stowage >/dev/null 2>&1; ls -d /etc/stowage /usr/lib/stowage /usr/bin/stowage 2>&1 || true',
  ].join('\n');
  const text = await machine.run(script);
  expect(text).toMatch(/all \d+ checks passed/);
  expect(text).toMatch(/set \d{14} is complete/);
  expect(text).toMatch(/restored 5,000 rows in 1 table/);
  expect(text).toContain('restored: 5000|12502500');
  expect(text).toMatch(/user: stowage:x:\d+:\d+:Stowage:\/var\/lib\/stowage:\/usr\/sbin\/nologin/);
  expect(text).toContain('755 root root\n640 root stowage');
  expect(text).not.toMatch(/^enabled: /m);
  expect(text).toMatch(/^npm: set \d{14} is complete$/m);
  // An upgrade keeps a changed configuration; a purge leaves nothing.
  expect(text).toMatch(/^# mine$/m);
  expect(text.match(/cannot access '\/(etc|usr)/g)).toHaveLength(3);
});
