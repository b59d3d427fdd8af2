import { join } from 'node:path';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import type { ServerCheck } from '../../inspect/check.ts';
import { findTool, startTool } from '../../tools/process.ts';

const PROGRAMS = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'] as const;
type Program = (typeof PROGRAMS)[number];

/** What a program says of itself. */
export interface ProgramWords {
  /** `pg_dump (PostgreSQL) 9.4.26` */
  readonly version: string;
  /** What --help prints. */
  readonly help: string;
}

/** Whether the programs that dump and restore definitions are the server's own. Runs them, but connects to nothing. */
export function inspectPrograms(
  target: ConnectionTarget,
  serverVersion: string,
  signal?: AbortSignal | undefined,
): Promise<ServerCheck[]> {
  const listen = async (program: Program, option: string) => {
    const tool = await startTool(target, program, { args: [option], signal });
    tool.stdin.end();
    const [words] = await Promise.all([collect(tool.stdout), tool.done]);
    return words;
  };
  return Promise.all(
    PROGRAMS.map(async (name): Promise<ServerCheck> => {
      try {
        const place = join(await findTool(name, { binDir: target.binDir }), name);
        const words = {
          version: await listen(name, '--version'),
          help: await listen(name, '--help'),
        };
        const fault = faultOf(name, words, serverVersion);
        if (fault === undefined)
          return { name, ok: true, detail: `${place} ${numberIn(words.version)}` };
        return { name, ok: false, detail: `${place}: ${fault}; ${ADVICE}` };
      } catch (error) {
        return { name, ok: false, detail: `${messageOf(error)}; ${ADVICE}` };
      }
    }),
  );
}

const ADVICE = "set connection.binDir or GPHOME to where this Greenplum's own programs are";

/**
 * PostgreSQL's own pg_dump exits with 0 on a Greenplum and loses its distribution keys. Only Greenplum's dumpers know
 * --gp-syntax, and its pg_restore says whose it is; its psql looks like PostgreSQL's, and is one of that version.
 */
export function faultOf(
  program: Program,
  words: ProgramWords,
  serverVersion: string,
): string | undefined {
  const number = numberIn(words.version);
  const dumps = program === 'pg_dump' || program === 'pg_dumpall';
  if (dumps && !words.help.includes('--gp-syntax'))
    return `this is PostgreSQL's ${number}, which loses Greenplum's distribution keys without an error`;
  if (program === 'pg_restore' && !words.version.includes('Greenplum'))
    return `this is PostgreSQL's ${number}, not Greenplum's`;
  if (releaseOf(number) === releaseOf(serverVersion)) return undefined;
  return `it is of PostgreSQL ${number}, the server of ${serverVersion}`;
}

function numberIn(version: string): string {
  return /\)\s+(\S+)/.exec(version)?.[1] ?? version.trim();
}

/** `9.4` of 9.4.26, `12` of 12beta2. */
function releaseOf(version: string): string {
  const [, first = '', second = ''] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return Number(first) < 10 ? `${first}.${second}` : first;
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(source)).toString('utf8');
}
