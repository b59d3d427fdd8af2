import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { decoderOf } from '../objects/encodings.ts';
import { placeOf } from '../session/place.ts';
import { conninfoOf } from './conninfo.ts';
import { labelled } from './dump.ts';
import { type RunningTool, startTool, toolError } from './process.ts';
import { NO_REJECTIONS, type Rejections } from './rejections/rejected-entries.ts';
import { type RestoreReport, restoreErrors } from './rejections/restore-errors.ts';
import { type ObjectsMade, objectLines, quotedText } from './restore-lines.ts';
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
  /** Runs no GRANT and no REVOKE. */
  readonly noAcl?: boolean;
  /** `continue`: make everything else after a statement that the server rejects. */
  readonly onError?: 'stop' | 'continue';
  readonly signal?: AbortSignal | undefined;
  /** Called when pg_restore prints nothing, and the server shows that it works. */
  readonly onSilence?: ((note: string) => void) | undefined;
  /** The start of the application_name of its sessions; absent = `stowage`, and the content. */
  readonly label?: string;
  /** Called when it begins an object. */
  readonly onObject?: ((made: ObjectsMade) => void) | undefined;
}

/**
 * Restores one section of a schema archive. With `stop`, the default, pre-data and a post-data of
 * one job are one transaction: all of it or nothing.
 * @returns the entries that the server rejected; none with `stop`.
 * @throws StowageError `database/tool` with the stderr of pg_restore; `database/tool-output` when
 * it went on after errors and did not name all of them; `interrupted`.
 */
export async function restoreSchema(
  target: ConnectionTarget,
  file: string,
  options: RestoreSchemaOptions,
): Promise<Rejections> {
  const { section, jobs = 1, noOwner = false, noAcl = false, onError = 'stop', list } = options;
  const isParallel = section === 'post-data' && jobs > 1;
  const how = isParallel ? [`--jobs=${jobs}`] : onError === 'stop' ? ['--single-transaction'] : [];
  const args = [
    ...(section === undefined ? [] : [`--section=${section}`]),
    ...how,
    ...(noOwner ? ['--no-owner'] : []),
    ...(noAcl ? ['--no-privileges'] : []),
  ];
  const run = onError === 'stop' ? pgRestore : pgRestoreAll;
  if (list === undefined) return run(target, [...args, resolve(file)], options);
  let rejections = NO_REJECTIONS;
  await withUnnamedFile(async ({ handle, path }) => {
    await handle.writeFile(list);
    rejections = await run(target, [...args, `--use-list=${path}`, resolve(file)], options);
  });
  return rejections;
}

type TextOptions = Pick<RestoreSchemaOptions, 'section' | 'list' | 'noOwner' | 'noAcl' | 'signal'>;

/** The SQL text of an archive or of a section of it. @throws as `restoreSchema`. */
export async function schemaText(
  target: ConnectionTarget,
  file: string,
  { section, list, noOwner, noAcl, signal }: TextOptions,
): Promise<string> {
  const part = section === undefined ? [] : [`--section=${section}`];
  const owner = noOwner === true ? ['--no-owner'] : [];
  const args = [...part, ...owner, ...(noAcl === true ? ['--no-privileges'] : [])];
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
  options: Pick<RestoreSchemaOptions, 'noOwner' | 'noAcl' | 'signal' | 'onSilence' | 'label'> & {
    /** Unlink those that exist already. */
    readonly replace?: boolean;
  } = {},
): Promise<void> {
  const owner = options.noOwner === true ? ['--no-owner'] : [];
  const replace = options.replace === true ? ['--clean', '--if-exists'] : [];
  const acl = options.noAcl === true ? ['--no-privileges'] : [];
  const args = ['--single-transaction', ...replace, ...owner, ...acl, resolve(file)];
  await pgRestore(target, args, options);
}

/** Writes SQL that makes the large objects of an archive into a file, from `BEGIN` to `COMMIT`. */
export async function printLargeObjects(
  target: ConnectionTarget,
  file: string,
  output: string,
  { noOwner, noAcl, signal }: Pick<RestoreSchemaOptions, 'noOwner' | 'noAcl' | 'signal'>,
): Promise<void> {
  const owner = noOwner === true ? ['--no-owner'] : [];
  const acl = noAcl === true ? ['--no-privileges'] : [];
  const args = ['--single-transaction', ...owner, ...acl, `--file=${output}`, resolve(file)];
  const tool = await startTool(target, 'pg_restore', { args, signal });
  tool.stdin.end();
  tool.stdout.resume();
  await tool.done;
}

type RunOptions = Pick<RestoreSchemaOptions, 'signal' | 'onSilence' | 'label' | 'onObject'>;

async function pgRestore(
  target: ConnectionTarget,
  args: readonly string[],
  options: RunOptions,
): Promise<Rejections> {
  const tool = await startRestore(target, ['--exit-on-error', ...args], options);
  await tool.done;
  return NO_REJECTIONS;
}

/** Goes on after a statement that the server rejects. */
async function pgRestoreAll(
  target: ConnectionTarget,
  args: readonly string[],
  options: RunOptions,
): Promise<Rejections> {
  // Since 15, only --verbose names the entry of an error.
  const onObject = options.onObject ?? (() => undefined);
  const tool = await startRestore(target, args, { ...options, onObject });
  const errors = restoreErrors();
  tool.stderr.on('data', (text: string) => errors.take(text));
  try {
    await tool.done;
    return NO_REJECTIONS;
  } catch (error) {
    if (!isStowageError(error, 'database/tool')) throw error;
    const report = errors.end();
    const { rejected, rejectedTotal, isComplete, fatal, lost } = report;
    if (isComplete) return { rejected, rejectedTotal };
    if (fatal === undefined) throw lost ? lostError(target, report, error) : error;
    throw toolError(target, `pg_restore failed on ${placeOf(target)}: ${fatal}`, error);
  }
}

/** Without it, entries that the server has rejected would be missing in the list of the restore. */
function lostError(target: ConnectionTarget, report: RestoreReport, cause: unknown): StowageError {
  const { rejectedTotal, counted } = report;
  const named = rejectedTotal === 1 ? '1 rejected entry' : `${rejectedTotal} rejected entries`;
  const message = `the output of pg_restore on ${placeOf(target)} does not name every entry that the server rejected: pg_restore counted ${counted} errors, and its output names ${named}`;
  const where = target.content === undefined ? {} : { where: { content: target.content } };
  return new StowageError('database/tool-output', message, { cause, ...where });
}

async function startRestore(
  target: ConnectionTarget,
  args: readonly string[],
  { signal, onSilence, label, onObject }: RunOptions,
): Promise<RunningTool> {
  // Without --dbname pg_restore writes SQL to its output and succeeds.
  const verbose = onObject === undefined ? [] : ['--verbose'];
  const database = `--dbname=${conninfoOf(target)}`;
  const tool = await startTool(target, 'pg_restore', {
    args: [database, '--no-password', ...verbose, ...args],
    signal,
    applicationName: label === undefined ? labelled(target, 'pg_restore') : `${label} pg_restore`,
    // It builds indexes and checks constraints.
    mayBeSilent: true,
    onSilence,
    quoted: quotedText(),
  });
  if (onObject !== undefined) tool.stderr.on('data', objectLines(onObject));
  tool.stdin.end();
  tool.stdout.resume();
  return tool;
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
