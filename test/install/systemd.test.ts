import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTree } from '../../infra/package/files/tree.ts';
import { makeDeb } from '../../infra/package/formats/deb.ts';
import { bundleAt } from '../support/install/light-bundle.ts';
import {
  hasSystemd,
  type SystemdMachine,
  systemdMachine,
} from '../support/install/systemd-machine.ts';
import { makeCertificates } from '../support/servers/certificates.ts';

/** The units of the .deb, started by a real systemd. */

const canRun = hasSystemd();
if (!canRun)
  process.stderr.write(
    'skipped: the units of the package under systemd, because this machine has no systemd-nspawn\n',
  );

const UNITS =
  'stowage-serve.socket stowage-serve.service stowage-schedule.service stowage-agent.service';
const CONFIG = `cluster: shop
root: file:///var/lib/stowage/root
database: orders
segments: [{ content: 0, host: 127.0.0.1 }]
schedule:
  entries:
    nightly: { at: '0 3 * * *', backup: {} }
`;
const AGENT = `name: db1
root: file:///var/lib/stowage/root
contents: [{ content: 0, host: 127.0.0.1 }]
`;
const DROP_IN = '[Service]\\nReadWritePaths=/var/lib/stowage\\n';

let machine: SystemdMachine;
beforeAll(async () => {
  if (!canRun) return;
  machine = await systemdMachine();
  const at = (name: string) => join(machine.packages, name);
  await bundleAt(at('bundle'));
  const day = new Date();
  await makeTree(at('tree'), { bundle: at('bundle'), format: 'deb', day });
  const bundle = JSON.parse(await readFile(at('bundle/bundle.json'), 'utf8'));
  await makeDeb(at('tree'), { out: machine.packages, bundle, compression: 'none', day });
  const certificates = await makeCertificates();
  const { cert, key } = await certificates.selfSigned('server');
  await certificates.remove();
  await writeFile(at('tls.crt'), cert);
  await writeFile(at('tls.key'), key);
  await writeFile(at('stowage.yaml'), CONFIG);
  await writeFile(at('agent.yaml'), AGENT);
  await machine.run(`dpkg -i /packages/stowage_*.deb
cd /packages
install -m 0640 -g stowage stowage.yaml /etc/stowage/stowage.yaml
install -m 0644 agent.yaml /etc/stowage/agent.yaml
install -m 0600 tls.crt tls.key /etc/stowage/
(umask 077; echo 0123456789abcdef > /etc/stowage/events-token)
install -d -o stowage -g stowage /var/lib/stowage/root
for unit in serve schedule agent; do
  mkdir -p /etc/systemd/system/stowage-$unit.service.d
  printf '${DROP_IN}' > /etc/systemd/system/stowage-$unit.service.d/root.conf
done
printf 'User=stowage\\n' >> /etc/systemd/system/stowage-agent.service.d/root.conf
systemctl daemon-reload`);
});
afterAll(() => machine?.remove());

const propertyOf = async (unit: string, name: string) =>
  (await machine.run(`systemctl show -p ${name} --value ${unit}`)).trim();
/** Waits until a command succeeds, 20 s at most. */
const until = (command: string) =>
  `n=0; until ${command}; do n=$((n+1)); [ $n -lt 100 ]; sleep 0.2; done`;

describe.skipIf(!canRun)('the units of the package under systemd', () => {
  test('are correct for systemd-analyze, and none is enabled by the package', async () => {
    expect(
      await machine.run(
        `systemd-analyze verify ${UNITS.replaceAll('stowage', '/lib/systemd/system/stowage')} 2>&1`,
      ),
    ).toBe('');
    expect(await machine.run(`systemctl is-enabled ${UNITS} || true`)).toMatch(/^(disabled\n){4}$/);
  });

  test('the server answers through its socket, writes to the journal, and comes back after SIGKILL', async () => {
    const health = `/usr/lib/stowage/node -e 'process.env.NODE_TLS_REJECT_UNAUTHORIZED=0; fetch("https://127.0.0.1:8443/healthz").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' 2>/dev/null`;
    await machine.run(`systemctl enable --now stowage-serve.socket stowage-serve.service
${until(health)}`);
    expect(await propertyOf('stowage-serve', 'ActiveState')).toBe('active');
    // A command of the server that runs out of memory does not stop the server.
    expect(await propertyOf('stowage-serve', 'OOMPolicy')).toBe('continue');
    expect(await machine.run('systemctl status --no-pager stowage-serve')).toMatch(
      /Active: active \(running\)/,
    );
    expect(await machine.run('journalctl -u stowage-serve -o cat')).toMatch(
      /started Stowage|started stowage/,
    );
    expect(
      await machine.run('stat -c %U /proc/$(systemctl show -p MainPID --value stowage-serve)'),
    ).toBe('stowage\n');

    const before = await propertyOf('stowage-serve', 'MainPID');
    await machine.run(`kill -9 ${before}
${until(`[ "$(systemctl show -p NRestarts --value stowage-serve)" = 1 ] && systemctl -q is-active stowage-serve`)}
${until(health)}`);
    expect(await propertyOf('stowage-serve', 'MainPID')).not.toBe(before);
  });

  test('a stop is clean: exit code 0, within the time of the unit', async () => {
    await machine.run('systemctl stop stowage-serve.socket stowage-serve.service');
    expect(await propertyOf('stowage-serve', 'ActiveState')).toBe('inactive');
    expect(await propertyOf('stowage-serve', 'Result')).toBe('success');
    expect(await propertyOf('stowage-serve', 'ExecMainStatus')).toBe('0');
    expect(await machine.run('journalctl -u stowage-serve -o cat')).toMatch(/stopped/);
  });

  test.each(['stowage-schedule', 'stowage-agent'])('%s runs, and a stop is clean', async (unit) => {
    await machine.run(`systemctl start ${unit}
${until('ls /var/lib/stowage/root/heartbeats/*/*.json >/dev/null 2>&1')}`);
    expect(await propertyOf(unit, 'ActiveState')).toBe('active');
    await machine.run(`systemctl stop ${unit}`);
    expect(await propertyOf(unit, 'Result')).toBe('success');
    expect(await propertyOf(unit, 'ExecMainStatus')).toBe('0');
    await machine.run('rm -r /var/lib/stowage/root/heartbeats');
  });
});
