import { PassThrough, type Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ConnectionTarget } from '../flavour.ts';
import { MARK_SCHEMA } from '../target/unfinished/mark.ts';
import { conninfoOf } from './conninfo.ts';
import { withGlobalsSettings, withGreenplumSettings } from './greenplum-settings.ts';
import { startTool } from './process.ts';
import { withoutPasswords } from './role-passwords.ts';

/**
 * The output of pg_dump or pg_dumpall. Its end does not mean success: await `done` after the last
 * byte.
 */
export interface ToolOutput {
  readonly stdout: Readable;
  /** @throws StowageError `database/tool` with the segment and the end of stderr; `interrupted`. */
  readonly done: Promise<void>;
}

export interface DumpOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called when the program prints nothing, and the server shows that it works. */
  readonly onSilence?: ((note: string) => void) | undefined;
  /** The start of the application_name of its sessions; absent = `stowage`, and the content. */
  readonly label?: string;
  /** Of the database. The role may have another client_encoding, which lacks some characters. */
  readonly encoding?: string;
  /** Longest wait of pg_dump for a table that it locks, also one whose rows are not shipped. */
  readonly lockTimeoutMs?: number;
}

/**
 * Every definition of one database under the snapshot, in pg_dump's custom format. `--create` adds
 * the database's properties to the archive; pg_restore applies them only when asked to. The mark of
 * an unfinished restore is not of the database's own.
 */
export function dumpSchema(
  target: ConnectionTarget,
  snapshotId: string | undefined,
  options: DumpOptions = {},
): ToolOutput {
  return dump(
    target,
    'pg_dump',
    [
      `--dbname=${conninfoOf(target)}`,
      '--format=custom',
      '--schema-only',
      '--create',
      `--exclude-schema=${MARK_SCHEMA}`,
      ...greenplumSyntax(target),
      ...snapshotOf(snapshotId),
      ...lockWaitOf(options),
      ...encodingOf(options),
    ],
    options,
  );
}

/**
 * Roles with memberships and settings, tablespaces, and Greenplum's resource queues and groups, as
 * SQL.
 * Never a password or its hash.
 */
export function dumpGlobals(target: ConnectionTarget, options: DumpOptions = {}): ToolOutput {
  // By default pg_dumpall connects to the database postgres, which may be missing or not permitted.
  const database = `--database=${conninfoOf(target)}`;
  const { greenplum } = target;
  const resources = greenplum === undefined ? [] : ['--resource-queues', '--resource-groups'];
  const args = ['--globals-only', ...greenplumSyntax(target), ...resources, database];
  if (greenplum !== undefined) {
    const terms = { fast: withGlobalsSettings, filter: withoutPasswords() };
    return dump(target, 'pg_dumpall', args, { ...options, ...terms });
  }
  // A database with another encoding is left for one whose encoding is not known here.
  const encoding = options.encoding === 'UTF8' ? encodingOf(options) : [];
  return dump(target, 'pg_dumpall', ['--no-role-passwords', ...encoding, ...args], options);
}

/** The large objects with owners, rights and comments. The two filters exclude everything else. */
export function dumpLargeObjects(
  target: ConnectionTarget,
  snapshotId: string | undefined,
  options: DumpOptions = {},
): ToolOutput {
  const nothingElse = ['--exclude-schema=*', '--exclude-table-data=*.*'];
  const args = [
    `--dbname=${conninfoOf(target)}`,
    '--format=custom',
    '--data-only',
    '--blobs',
    ...nothingElse,
    ...snapshotOf(snapshotId),
    ...lockWaitOf(options),
    ...encodingOf(options),
  ];
  return dump(target, 'pg_dump', args, options);
}

/**
 * Without a snapshot (Greenplum's coordinator exports none that pg_dump could import) the held
 * locks protect the dump.
 */
function snapshotOf(snapshotId: string | undefined): string[] {
  return snapshotId === undefined ? [] : [`--snapshot=${snapshotId}`];
}

function encodingOf({ encoding }: DumpOptions): string[] {
  return encoding === undefined ? [] : [`--encoding=${encoding}`];
}

/** pg_dump switches the session's own lock_timeout off. */
function lockWaitOf({ lockTimeoutMs }: DumpOptions): string[] {
  return lockTimeoutMs === undefined ? [] : [`--lock-wait-timeout=${lockTimeoutMs}`];
}

/**
 * PostgreSQL's own pg_dump loses the distribution keys of a Greenplum and exits with 0. It rejects
 * this option, which only Greenplum's pg_dump has.
 */
function greenplumSyntax({ greenplum }: ConnectionTarget): string[] {
  return greenplum === undefined ? [] : ['--gp-syntax'];
}

function dump(
  target: ConnectionTarget,
  name: string,
  args: readonly string[],
  {
    signal,
    onSilence,
    filter,
    label,
    fast = withGreenplumSettings,
  }: DumpOptions & { readonly filter?: Transform; readonly fast?: typeof withGreenplumSettings },
): ToolOutput {
  const stdout = new PassThrough();
  // `done` reports the errors, so a reader need not listen for them.
  stdout.on('error', () => {});
  const done = (async () => {
    const applicationName = label === undefined ? labelled(target, name) : `${label} ${name}`;
    const tool = await startTool(await fast(target, signal), name, {
      args: [...args, '--no-password'],
      signal,
      onSilence,
      applicationName,
    });
    tool.stdin.end();
    // When the reader stops early, the program fails by the broken pipe: its error says more than
    // ours.
    const [, piped] = await Promise.allSettled([
      tool.done,
      pipeline(tool.stdout, filter ?? new PassThrough(), stdout),
    ]);
    await tool.done;
    if (piped.status === 'rejected') throw piped.reason;
  })();
  done.catch((error: unknown) =>
    stdout.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return { stdout, done };
}

export function labelled({ content }: ConnectionTarget, name: string): string {
  return content === undefined ? `stowage ${name}` : `stowage content ${content} ${name}`;
}
