import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { decoderOf } from '../objects/encodings.ts';
import { conninfoOf } from './conninfo.ts';
import { labelled } from './dump.ts';
import { startTool } from './process.ts';
import { type ObjectsMade, objectLines, withoutProgress } from './restore-lines.ts';
import { withUnnamedFile } from './unnamed-file.ts';

/** pg_restore prints its settings first. */
const HEAD_BYTES = 4096;

export interface RestoreSchemaOptions {
  /** Absent = every section. */
  readonly section?: 'pre-data' | 'post-data';
  /**
   * Connections that build indexes and check constraints in parallel; only post-data uses more than
   * one.
   */
  readonly jobs?: number;
  /** The entries to restore (`useList`); absent = everything. */
  readonly list?: string;
  readonly noOwner?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called when pg_restore prints nothing, and the server shows that it works. */
  readonly onSilence?: ((note: string) => void) | undefined;
  /** The start of the application_name of its sessions; absent = `stowage`, and the content. */
  readonly label?: string;
  /** Called when it begins an object. */
  readonly onObject?: ((made: ObjectsMade) => void) | undefined;
}

/**
 * Restores one section of a schema archive. Pre-data runs in one transaction: all of it or nothing.
 * Post-data stops at the first error and keeps what was built before it. Without a section, all
 * runs in one transaction.
 * @throws StowageError `database/tool` with the stderr of pg_restore; `interrupted`.
 */
export async function restoreSchema(
  target: ConnectionTarget,
  file: string,
  options: RestoreSchemaOptions,
): Promise<void> {
  const { section, jobs = 1, noOwner = false, list } = options;
  const isOne = section !== 'post-data' || jobs <= 1;
  const how = isOne ? ['--single-transaction'] : [`--jobs=${jobs}`];
  const only = section === undefined ? [] : [`--section=${section}`];
  const args = [...only, ...how, ...(noOwner ? ['--no-owner'] : [])];
  if (list === undefined) return pgRestore(target, [...args, resolve(file)], options);
  await withUnnamedFile(async ({ handle, path }) => {
    await handle.writeFile(list);
    await pgRestore(target, [...args, `--use-list=${path}`, resolve(file)], options);
  });
}

/** The SQL text of an archive or of a section of it. @throws as `restoreSchema`. */
export async function schemaText(
  target: ConnectionTarget,
  file: string,
  { section, list, noOwner, signal }: Omit<RestoreSchemaOptions, 'jobs' | 'onSilence' | 'label'>,
): Promise<string> {
  const part = section === undefined ? [] : [`--section=${section}`];
  const args = [...part, ...(noOwner === true ? ['--no-owner'] : [])];
  return withUnnamedFile(async (output) => {
    const print = async (more: readonly string[]) => {
      // Before version 12, pg_restore takes `-` for the name of a file.
      const all = [...args, ...more, `--file=${output.path}`, resolve(file)];
      const tool = await startTool(target, 'pg_restore', { args: all, signal });
      tool.stdin.end();
      tool.stdout.resume();
      await tool.done;
      return decodeDump(await readFile(output.path), file);
    };
    if (list === undefined) return print([]);
    return withUnnamedFile(async ({ handle, path }) => {
      await handle.writeFile(list);
      return print([`--use-list=${path}`]);
    });
  });
}

/**
 * Restores all large objects of an archive, or none. They keep their oids, which must be unused in
 * the target, except with `replace`.
 */
export async function restoreLargeObjects(
  target: ConnectionTarget,
  file: string,
  options: Pick<RestoreSchemaOptions, 'noOwner' | 'signal' | 'onSilence' | 'label'> & {
    /** Unlink those that exist already. */
    readonly replace?: boolean;
  } = {},
): Promise<void> {
  const owner = options.noOwner === true ? ['--no-owner'] : [];
  const replace = options.replace === true ? ['--clean', '--if-exists'] : [];
  const args = ['--single-transaction', ...replace, ...owner, resolve(file)];
  await pgRestore(target, args, options);
}

async function pgRestore(
  target: ConnectionTarget,
  args: readonly string[],
  {
    signal,
    onSilence,
    label,
    onObject,
  }: Pick<RestoreSchemaOptions, 'signal' | 'onSilence' | 'label' | 'onObject'>,
): Promise<void> {
  // Without --dbname pg_restore writes SQL to its output and succeeds.
  const verbose = onObject === undefined ? [] : ['--verbose'];
  const database = `--dbname=${conninfoOf(target)}`;
  const tool = await startTool(target, 'pg_restore', {
    args: [database, '--exit-on-error', '--no-password', ...verbose, ...args],
    signal,
    applicationName: label === undefined ? labelled(target, 'pg_restore') : `${label} pg_restore`,
    // It builds indexes and checks constraints.
    mayBeSilent: true,
    onSilence,
    quoted: withoutProgress,
  });
  if (onObject !== undefined) tool.stderr.on('data', objectLines(onObject));
  tool.stdin.end();
  tool.stdout.resume();
  await tool.done;
}

/** The text is in the encoding that it names itself. */
function decodeDump(bytes: Buffer, file: string): string {
  const head = bytes.subarray(0, HEAD_BYTES).toString('latin1');
  const encoding = /^SET client_encoding = '([^']*)';/m.exec(head)?.[1] ?? '';
  const text = decoderOf(encoding)(bytes);
  if (text !== undefined) return text;
  throw new StowageError(
    'database/tool',
    `${file}: the definitions are in the encoding ${encoding}, which cannot be read: restore them under their own names`,
  );
}
