import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pause } from '../../async/poll.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { servedContents } from './contents.ts';
import type { Agent } from './orders.ts';

const MINUTE_MS = 60_000;
/** An interrupted backup writes its seal; this is within the time that an agent has to end. */
const STOP_MS_MAX = 15_000;
const STDERR_CHARS_KEPT = 4_000;

/**
 * Starts `stowage backup` every so many minutes until the agent ends, one at a time: a moment that comes while a backup runs is
 * left out. What a backup ends with is logged, and never ends the agent.
 */
export async function backUpOnSchedule(agent: Agent): Promise<void> {
  const { config, clock, log, signal } = agent;
  const { backup } = config;
  if (backup === undefined) return;
  let last = 0;
  while (!signal.aborted) {
    const now = clock().getTime();
    const next = nextRun(Math.max(now, last), backup.every);
    await pause(next - now, signal);
    if (signal.aborted) return;
    last = next;
    try {
      if (await isCoordinators(agent)) await backUp(agent, backup.config);
    } catch (error) {
      log.error({ err: error }, 'the backup could not be started');
    }
  }
}

/** The next multiple of the interval since 1970 in UTC, so that a restart does not shift it: 60 is every full hour. */
export function nextRun(nowMs: number, everyMinutes: number): number {
  const everyMs = everyMinutes * MINUTE_MS;
  return (Math.floor(nowMs / everyMs) + 1) * everyMs;
}

/** Greenplum's agents may all have the same configuration, and one backup is enough. */
async function isCoordinators({ config, env }: Agent): Promise<boolean> {
  if (config.coordinator === undefined) return true;
  return (await servedContents(config, env)).some(({ content }) => content === COORDINATOR);
}

async function backUp({ log, signal }: Agent, configPath: string): Promise<void> {
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=2', entry(), 'backup', '--config', configPath, '--json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [out, err] = ['', ''];
  child.stdout
    .setEncoding('utf8')
    .on('data', (text: string) => (out = (out + text).slice(-STDERR_CHARS_KEPT)));
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (err = (err + text).slice(-STDERR_CHARS_KEPT)));
  log.info({ backup: child.pid }, 'scheduled backup begins');
  let kill: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const told = { backup: child.pid, code, endedBy };
    if (code === 0) log.info(told, 'scheduled backup is complete');
    else log.error({ ...told, stdout: out.trim(), stderr: err.trim() }, 'scheduled backup failed');
  } finally {
    signal.removeEventListener('abort', stop);
    clearTimeout(kill);
  }
}

/** The command line, from source in a checkout, from the bundle beside us when installed. */
function entry(): string {
  const path = import.meta.url.endsWith('.ts') ? '../../cli/main.ts' : './stowage.js';
  return fileURLToPath(new URL(path, import.meta.url));
}
