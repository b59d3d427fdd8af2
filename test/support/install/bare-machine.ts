import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A Debian with PostgreSQL and systemd, made once by `npm run test:install`. */
export const BARE_MACHINE = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  'stowage-install/bookworm-3',
);

export const hasBareMachine = () => existsSync(BARE_MACHINE) && process.getuid?.() === 0;

const RUN_MS_MAX = 150_000;

export interface BareMachine {
  /** A folder that the machine sees as /packages. */
  readonly packages: string;
  /** Runs a script of sh as root in the machine. @returns its output; throws with it on failure. */
  run(script: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * A fresh copy of the bare machine. Each `run` sees the files that earlier ones wrote; its
 * processes have their own network and process ids, and end with it.
 */
export async function bareMachine(): Promise<BareMachine> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bare-'));
  const at = (name: string) => join(folder, name);
  for (const name of ['upper', 'work', 'root', 'packages']) await mkdir(at(name));
  const layers = `lowerdir=${BARE_MACHINE},upperdir=${at('upper')},workdir=${at('work')}`;
  await writeFile(
    at('enter.sh'),
    `set -e
mount -t overlay overlay -o ${layers} ${at('root')}
cd ${at('root')}
mount -t proc proc proc
mount --rbind /dev dev
mkdir -p packages
mount --bind ${at('packages')} packages
exec chroot . /bin/sh -e -c "$1"
`,
  );
  return {
    packages: at('packages'),
    async run(script) {
      const namespaces = ['--mount', '--pid', '--fork', '--net', '--uts', '--kill-child'];
      const args = [...namespaces, 'sh', at('enter.sh'), script];
      const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8' };
      const running = promisify(execFile)('unshare', args, { env, timeout: RUN_MS_MAX });
      // A program that asks a question gets no answer, and must not wait for one.
      running.child.stdin?.end();
      const { stdout, stderr } = await running;
      return stdout + stderr;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
