import { PassThrough, type Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ConnectionTarget } from '../flavour.ts';
import { quoteConninfo } from '../session/quote.ts';
import { startTool } from './process.ts';
import { withoutPasswords } from './role-passwords.ts';

/** What PostgreSQL's own programs dump. Its end is not its success: `done` is, and must be awaited after the last byte. */
export interface ToolOutput {
  readonly stdout: Readable;
  /** @throws StowageError `database/tool` naming the segment, with the end of what the program said; `interrupted`. */
  readonly done: Promise<void>;
}

export interface DumpOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Every definition of one database as the snapshot has it, in pg_dump's custom format. `--create` only adds the
 * database's own properties to the archive; nothing restores them unless asked to.
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
      '--format=custom',
      '--schema-only',
      '--create',
      ...greenplumSyntax(target),
      ...snapshotOf(snapshotId),
    ],
    options,
  );
}

/** Roles, their memberships and settings, tablespaces, and Greenplum's resource queues and groups, as SQL. Never a password, not even its hash. */
export function dumpGlobals(target: ConnectionTarget, options: DumpOptions = {}): ToolOutput {
  // By default pg_dumpall connects to a database named postgres, which need not be there, or open to us.
  const database = `--database=dbname=${quoteConninfo(target.database)}`;
  const { greenplum } = target;
  const resources = greenplum === undefined ? [] : ['--resource-queues', '--resource-groups'];
  const args = ['--globals-only', ...greenplumSyntax(target), ...resources, database];
  if (greenplum !== undefined)
    return dump(target, 'pg_dumpall', args, { ...options, filter: withoutPasswords() });
  return dump(target, 'pg_dumpall', ['--no-role-passwords', ...args], options);
}

/** The large objects with owners, rights and comments, and nothing else: every table is left out by both filters. */
export function dumpLargeObjects(
  target: ConnectionTarget,
  snapshotId: string | undefined,
  options: DumpOptions = {},
): ToolOutput {
  const nothingElse = ['--exclude-schema=*', '--exclude-table-data=*.*'];
  const args = [
    '--format=custom',
    '--data-only',
    '--blobs',
    ...nothingElse,
    ...snapshotOf(snapshotId),
  ];
  return dump(target, 'pg_dump', args, options);
}

/** Greenplum's is protected by the locks that are held: its coordinator exports no snapshot that pg_dump could import. */
function snapshotOf(snapshotId: string | undefined): string[] {
  return snapshotId === undefined ? [] : [`--snapshot=${snapshotId}`];
}

/** PostgreSQL's own pg_dump exits with 0 on a Greenplum, but loses its distribution keys; this option it does not know, and refuses. */
function greenplumSyntax({ greenplum }: ConnectionTarget): string[] {
  return greenplum === undefined ? [] : ['--gp-syntax'];
}

function dump(
  target: ConnectionTarget,
  name: string,
  args: readonly string[],
  { signal, filter }: DumpOptions & { readonly filter?: Transform },
): ToolOutput {
  const stdout = new PassThrough();
  // Nobody has to listen for errors here: `done` carries them.
  stdout.on('error', () => {});
  const done = (async () => {
    const applicationName = labelled(target, name);
    const tool = await startTool(target, name, {
      args: [...args, '--no-password'],
      signal,
      applicationName,
    });
    tool.stdin.end();
    // When the reader leaves early the pipe breaks and the program ends by that; its own failure says more than ours.
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
