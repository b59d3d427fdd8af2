import { Writable } from 'node:stream';
import pino from 'pino';
import { type BackupOptions, type BackupResult, runBackup } from '../../cli/backup/coordinate.ts';
import { loadConfig } from '../../cli/config/config.ts';
import type { ClusterContext } from '../../cli/context.ts';
import { newOutput } from '../../cli/output/output.ts';
import { optionsFrom } from '../../cli/restore/command/options.ts';
import { runRestore } from '../../cli/restore/coordinate.ts';

export const quiet = pino({ level: process.env['STOWAGE_LOG'] ?? 'silent' });

const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });

async function contextOf(file: string, database?: string): Promise<ClusterContext> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const loaded = await loadConfig({ env, file, flags: { database } });
  const clock = () => new Date();
  const output = newOutput({ out: nowhere(), err: nowhere() }, false, clock);
  return { env, clock, signal: new AbortController().signal, log: quiet, output, ...loaded };
}

export interface ModelBackup extends Partial<BackupOptions> {
  readonly tags?: readonly string[];
}

/** `stowage backup --tag …` in this process. */
export async function backUp(file: string, options: ModelBackup): Promise<BackupResult> {
  const { tags = [], ...more } = options;
  const context = await contextOf(file);
  const backup = { ...context.config.backup, tags: [...tags] };
  const config = { ...context.config, backup };
  return runBackup({ ...context, config }, { waitMs: 600_000, ...more });
}

/** `stowage restore TIMESTAMP --create --database NAME` in this process. */
export async function restoreInto(
  file: string,
  timestamp: string,
  database: string,
  { globals = true } = {},
) {
  const options = optionsFrom({ create: true, ...(globals && { globals }) }, [timestamp]);
  return (await runRestore(await contextOf(file, database), options)).outcome;
}
