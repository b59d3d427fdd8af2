import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readUntil } from '../wait-for.ts';
import { BARE_MACHINE, hasBareMachine } from './bare-machine.ts';

const NSPAWN = '/usr/bin/systemd-nspawn';

/** Whether a Debian with systemd as process 1 can be started here. */
export const hasSystemd = () => hasBareMachine() && existsSync(NSPAWN);

const RUN_MS_MAX = 120_000;
/** Of the kernel: systemd as process 1 powers the machine off. */
const SIGRTMIN_4 = 38;

export interface SystemdMachine {
  /** A folder that the machine sees as /packages. */
  readonly packages: string;
  /** Runs a script of sh as root, beside systemd. @returns its output; throws on failure. */
  run(script: string): Promise<string>;
  remove(): Promise<void>;
}

/** The bare machine, booted: with systemd, journald and D-Bus, and a network of its own. */
export async function systemdMachine(): Promise<SystemdMachine> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-systemd-'));
  const at = (name: string) => join(folder, name);
  for (const name of ['upper', 'work', 'root', 'packages']) await mkdir(at(name));
  const layers = `lowerdir=${BARE_MACHINE},upperdir=${at('upper')},workdir=${at('work')}`;
  await writeFile(
    at('boot.sh'),
    `set -e
mount -t overlay overlay -o ${layers} ${at('root')}
exec ${NSPAWN} --boot --directory=${at('root')} --bind=${at('packages')}:/packages \\
  --private-network --register=no --keep-unit --console=pipe --machine=stowage-test
`,
  );
  const booting = spawn('unshare', ['--mount', 'sh', at('boot.sh')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [booting.stdout, booting.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<void>((resolve) => booting.on('close', () => resolve()));
  const first = await readUntil(
    () => childOf(booting.pid ?? 0),
    (pid) => pid !== undefined || booting.exitCode !== null,
    30_000,
  );
  if (first === undefined) throw new Error(`systemd-nspawn has not started systemd: ${said}`);
  const machine: SystemdMachine = {
    packages: at('packages'),
    async run(script) {
      const { stdout, stderr } = await promisify(execFile)(
        'nsenter',
        ['--all', '--target', String(first), '/bin/sh', '-e', '-c', script],
        { timeout: RUN_MS_MAX, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' } },
      );
      return stdout + stderr;
    },
    async remove() {
      process.kill(first, SIGRTMIN_4);
      const late = setTimeout(() => booting.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(late);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await machine.run(UNTIL_BOOTED);
  } catch (error) {
    await machine.remove();
    throw error;
  }
  return machine;
}

/** A unit of Debian that fails in a container makes it `degraded`. 30 s at most. */
const UNTIL_BOOTED = `n=0
until systemctl is-system-running 2>/dev/null | grep -qE '^(running|degraded)$'
do n=$((n+1)); [ $n -lt 150 ]; sleep 0.2; done`;

/** The process that systemd-nspawn has started: process 1 of the machine. */
async function childOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  for (const child of text.split(' ').filter(Boolean).map(Number)) {
    const name = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'systemd') return child;
  }
  return undefined;
}
