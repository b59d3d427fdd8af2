import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { exitOf, tailOf } from '../../../async/child-process.ts';
import { GPBACKUP_PLUGIN } from '../programs/programs.ts';

/** A real set of gpbackup 1.30.5: 11 tables with 1,100 rows, 2 segments. */
export const FIXTURE = join(
  import.meta.dirname,
  '../../fixtures/gpbackup/gzip-s3/backups/20261129/20261129015653',
);
export const FIXTURE_TIMESTAMP = '20261129015653';

export interface PluginExit {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Calls the plugin as gpbackup does. */
export async function callPlugin(
  args: readonly string[],
  { input, env }: { readonly input?: Readable; readonly env: Readonly<Record<string, string>> },
): Promise<PluginExit> {
  const child = spawn(GPBACKUP_PLUGIN, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const errors = tailOf(child.stderr, 4_000);
  const exited = exitOf(child);
  // A client that has failed no longer reads.
  const fed = input === undefined ? child.stdin.end() : pipeline(input, child.stdin);
  const [{ code }] = await Promise.all([exited, Promise.resolve(fed).catch(() => undefined)]);
  return { code, stdout: Buffer.concat(chunks), stderr: errors.text() };
}

/** One run of gpbackup: the same files, under another timestamp and on this host. */
export interface Replay {
  readonly config: string;
  /** Where segments are on other hosts: their configuration, as that of a host of its own. */
  readonly configOf?: (content: number) => string;
  /** Called when the files of the segments are stored. */
  readonly between?: () => Promise<void>;
  /** Below it gpbackup has its folders. */
  readonly host: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files that gpbackup does not pass on. */
  readonly without?: (name: string) => boolean;
}

/** What a successful gpbackup calls, in its order. @returns the exit of its last call. */
export async function replayBackup(replay: Replay): Promise<PluginExit> {
  const { config, host, env, configOf = () => config, without = () => false } = replay;
  const folder = join(host, `backups/20261129/${FIXTURE_TIMESTAMP}`);
  await mkdir(folder, { recursive: true });
  const call = async (...args: string[]) => succeeded(args, await callPlugin(args, { env }));
  await call('setup_plugin_for_backup', config, folder, 'master', '"-1"');
  const hosts = [...new Set([0, 1].map(configOf))];
  for (const other of hosts) await call('setup_plugin_for_backup', other, folder, 'segment_host');
  for (const content of [0, 1])
    await call('setup_plugin_for_backup', configOf(content), folder, 'segment', `"${content}"`);
  const names = (await readdir(FIXTURE)).filter((name) => !without(name));
  const ofSegments = names.filter((name) => /^gpbackup_\d_/.test(name));
  // As with --jobs 8 and two segments.
  for (let at = 0; at < ofSegments.length; at += 16)
    await Promise.all(
      ofSegments.slice(at, at + 16).map(async (name) => {
        const content = Number(name.split('_')[1]);
        const args = ['backup_data', configOf(content), join(folder, name)];
        const input = createReadStream(join(FIXTURE, name));
        succeeded(args, await callPlugin(args, { env, input }));
      }),
    );
  await replay.between?.();
  for (const last of ['metadata.sql', 'toc.yaml', 'plugin_config.yaml', 'config.yaml', 'report']) {
    const name = `gpbackup_${FIXTURE_TIMESTAMP}_${last}`;
    if (!names.includes(name)) continue;
    await cp(join(FIXTURE, name), join(folder, name));
    await call('backup_file', config, join(folder, name));
  }
  const cleanup = 'cleanup_plugin_for_backup';
  const end = await callPlugin([cleanup, config, folder, 'master', '"-1"'], { env });
  for (const other of hosts) await call(cleanup, other, folder, 'segment_host');
  for (const content of [0, 1])
    await call(cleanup, configOf(content), folder, 'segment', `"${content}"`);
  return end;
}

/** gpbackup takes text on standard error for a failure. */
function succeeded(args: readonly string[], exit: PluginExit): PluginExit {
  if (exit.code === 0 && exit.stderr === '') return exit;
  throw new Error(`${args.join(' ')}: exit ${exit.code}: ${exit.stderr}`);
}
