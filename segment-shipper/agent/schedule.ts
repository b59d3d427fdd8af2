import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onAbort } from '../../async/abort.ts';
import { exitOf, tailOf, terminate } from '../../async/child-process.ts';
import { pause } from '../../async/poll.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { servedContents } from './contents.ts';
import type { Agent } from './orders.ts';

const MINUTE_MS = 60_000;
/** An interrupted backup writes its seal in this time, which is shorter than the agent's own. */
const KILL_AFTER_MS = 15_000;
const OUTPUT_CHARS_MAX = 4_000;
const RESTART_MS = 60_000;

/**
 * Starts `stowage backup` at a fixed interval until the agent ends, one at a time: a run that is
 * due while a backup still runs is skipped. The exit of a backup is logged and never ends the
 * agent. Without an interval the schedule of that stowage.yaml runs.
 */
export async function backUpOnSchedule(agent: Agent): Promise<void> {
  const { config, clock, log, signal } = agent;
  const { backup } = config;
  if (backup === undefined) return;
  const { every } = backup;
  if (every === undefined) return superviseSchedule(agent, backup.config);
  let last = 0;
  while (!signal.aborted) {
    const now = clock().getTime();
    const next = nextRun(Math.max(now, last), every);
    await pause(next - now, signal);
    if (signal.aborted) return;
    last = next;
    try {
      if (await isCoordinators(agent)) await runCommand(agent, ['backup'], backup.config);
    } catch (error) {
      log.error({ err: error }, 'cannot start the scheduled backup; retrying at its next time');
    }
  }
}

/** The next multiple of the interval since 1970 in UTC, so that a restart does not shift it. */
export function nextRun(nowMs: number, everyMinutes: number): number {
  const everyMs = everyMinutes * MINUTE_MS;
  return (Math.floor(nowMs / everyMs) + 1) * everyMs;
}

/** All agents of a Greenplum cluster may share one configuration, but one backup is enough. */
async function isCoordinators({ config, env }: Agent): Promise<boolean> {
  if (config.coordinator === undefined) return true;
  return (await servedContents(config, env)).some(({ content }) => content === COORDINATOR);
}

/**
 * Keeps `stowage schedule --run` running. All agents may do so: a lease in the bucket decides which
 * of them starts a run (docs/design/0040-schedule.md).
 */
async function superviseSchedule(agent: Agent, configPath: string): Promise<void> {
  const { log, signal } = agent;
  while (!signal.aborted) {
    try {
      await runCommand(agent, ['schedule', '--run'], configPath);
    } catch (error) {
      log.error({ err: error }, 'cannot start the schedule; trying again');
    }
    await pause(RESTART_MS, signal);
  }
}

async function runCommand(
  { log, signal }: Agent,
  command: readonly string[],
  configPath: string,
): Promise<void> {
  const what = command[0] === 'backup' ? 'scheduled backup' : 'schedule';
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=2', entry(), ...command, '--config', configPath, '--json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const exit = exitOf(child);
  const stdout = tailOf(child.stdout, OUTPUT_CHARS_MAX);
  const stderr = tailOf(child.stderr, OUTPUT_CHARS_MAX);
  log.info({ backup: child.pid }, `${what} started`);
  using _ = onAbort(signal, () => void terminate(child, KILL_AFTER_MS));
  const { code, signal: endedBy } = await exit;
  const fields = { backup: child.pid, code, endedBy };
  if (code === 0) log.info(fields, `${what} completed`);
  else
    log.error(
      { ...fields, stdout: stdout.text().trim(), stderr: stderr.text().trim() },
      `${what} failed`,
    );
}

/** The command line: from source in a checkout, from the bundle beside this file when installed. */
function entry(): string {
  const path = import.meta.url.endsWith('.ts') ? '../../cli/main.ts' : './stowage.js';
  return fileURLToPath(new URL(path, import.meta.url));
}
