import { Writable } from 'node:stream';
import pino from 'pino';
import { runBackup } from '../../../cli/backup/coordinate.ts';
import type { Flags } from '../../../cli/command.ts';
import { loadConfig } from '../../../cli/config/config.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { newOutput } from '../../../cli/output/output.ts';
import { optionsFrom } from '../../../cli/restore/command/options.ts';
import { runDryRun, runRestore } from '../../../cli/restore/coordinate.ts';
import { mappedIn } from '../../../cli/restore/dry-run/dry-run.ts';

const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Of a command with this configuration, in this process. */
export async function contextOf(file: string, database?: string): Promise<ClusterContext> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const loaded = await loadConfig({ env, file, flags: { database } });
  const clock = () => new Date();
  const output = newOutput({ out: nowhere(), err: nowhere() }, false, clock);
  const log = pino({ level: 'silent' });
  return { env, clock, signal: new AbortController().signal, log, output, ...loaded };
}

/** `stowage backup` in this process. @returns the timestamp of the set. */
export async function backUp(file: string): Promise<string> {
  const { status, timestamp } = await runBackup(await contextOf(file), { waitMs: 600_000 });
  if (status !== 'complete') throw new Error(status);
  return timestamp;
}

/** `stowage restore --dry-run` in this process: messages of the reasons and of the differences. */
export async function dryRunOf(file: string, timestamp: string, flags: Flags) {
  const run = await runDryRun(await contextOf(file, DATABASE), optionsFrom(flags, [timestamp]));
  const messages = (list: readonly { readonly message: string }[] = []) =>
    list.map(({ message }) => message);
  return { reasons: messages(run.reasons), differences: messages(mappedIn(run)?.differences) };
}

/** `stowage restore` in this process. */
export async function restoreOf(file: string, timestamp: string, flags: Flags) {
  return runRestore(await contextOf(file, DATABASE), optionsFrom(flags, [timestamp]));
}

/** The database into which everything is restored. */
export const DATABASE = 'merged';
