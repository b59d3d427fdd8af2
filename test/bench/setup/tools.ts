import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Programs of the contenders. A contender is skipped if its program is not installed. */
export const TOOLS = ['rclone', 'aws', 'pgbackrest', 'restic', 'curl', 'gzip', 'zstd'] as const;
export type Tool = (typeof TOOLS)[number];

/** They print their version by a command, not by a flag. */
const HAS_COMMAND: ReadonlySet<Tool> = new Set(['rclone', 'pgbackrest', 'restic']);

export interface Tools {
  /** The installed programs, with path and version. */
  readonly found: Readonly<
    Partial<Record<Tool, { readonly path: string; readonly version: string }>>
  >;
  has(needed: readonly Tool[]): boolean;
}

const VENV = fileURLToPath(new URL('../../../.bench-venv/bin', import.meta.url));

export async function findTools(): Promise<Tools> {
  const dirs = [VENV, ...(process.env['PATH'] ?? '').split(delimiter)];
  const found: Partial<Record<Tool, { path: string; version: string }>> = {};
  for (const tool of TOOLS) {
    // Not an `aws` on PATH: it may be the shim of a version manager, whose start would be measured.
    const path = await firstOf((tool === 'aws' ? [VENV] : dirs).map((dir) => join(dir, tool)));
    if (path !== undefined) found[tool] = { path, version: await versionOf(path, tool) };
  }
  return { found, has: (needed) => needed.every((tool) => found[tool] !== undefined) };
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths)
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  return undefined;
}

async function versionOf(path: string, tool: Tool): Promise<string> {
  const args = HAS_COMMAND.has(tool) ? ['version'] : ['--version'];
  const output = await promisify(execFile)(path, args).catch(() => ({ stdout: '', stderr: '' }));
  return /v?\d+(\.\d+)+[\w.-]*/.exec(output.stdout + output.stderr)?.[0] ?? '?';
}

/** The version of PostgreSQL, for the report. */
export async function versionOfPostgres(binDir: string): Promise<string> {
  const { stdout } = await promisify(execFile)(join(binDir, 'postgres'), ['--version']);
  return stdout.trim();
}
