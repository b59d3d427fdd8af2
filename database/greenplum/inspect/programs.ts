import { join } from 'node:path';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import type { ServerCheck } from '../../inspect/check.ts';
import { findTool, startTool } from '../../tools/process.ts';

const PROGRAMS = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'] as const;
type Program = (typeof PROGRAMS)[number];

/** What a program prints about itself. */
export interface ProgramOutput {
  /** `pg_dump (PostgreSQL) 9.4.26` */
  readonly version: string;
  /** What --help prints. */
  readonly help: string;
}

/**
 * Whether the programs that dump and restore definitions belong to this server. Runs them without a
 * connection.
 */
export function inspectPrograms(
  target: ConnectionTarget,
  serverVersion: string,
  signal?: AbortSignal | undefined,
): Promise<ServerCheck[]> {
  const outputOf = async (program: Program, option: string) => {
    const tool = await startTool(target, program, { args: [option], signal });
    tool.stdin.end();
    const [output] = await Promise.all([collect(tool.stdout), tool.done]);
    return output;
  };
  return Promise.all(
    PROGRAMS.map(async (name): Promise<ServerCheck> => {
      try {
        const place = join(await findTool(name, { binDir: target.binDir }), name);
        const output = {
          version: await outputOf(name, '--version'),
          help: await outputOf(name, '--help'),
        };
        const fault = faultOf(name, output, serverVersion);
        if (fault === undefined)
          return { name, ok: true, detail: `${place} ${numberIn(output.version)}` };
        return { name, ok: false, detail: `${place}: ${fault}; ${ADVICE}` };
      } catch (error) {
        return { name, ok: false, detail: `${messageOf(error)}; ${ADVICE}` };
      }
    }),
  );
}

const ADVICE = "set connection.binDir, or GPHOME, to the folder of this Greenplum's own programs";

/**
 * Why a program does not fit the server; undefined when it does. PostgreSQL's own pg_dump loses
 * Greenplum's distribution keys and exits with 0. Only Greenplum's pg_dump and pg_dumpall have
 * --gp-syntax, and its pg_restore prints its name. Its psql cannot be told from PostgreSQL's.
 */
export function faultOf(
  program: Program,
  output: ProgramOutput,
  serverVersion: string,
): string | undefined {
  const number = numberIn(output.version);
  const dumps = program === 'pg_dump' || program === 'pg_dumpall';
  if (dumps && !output.help.includes('--gp-syntax'))
    return `this is PostgreSQL's ${number}, which loses Greenplum's distribution keys without an error`;
  if (program === 'pg_restore' && !output.version.includes('Greenplum'))
    return `this is PostgreSQL's ${number}, not Greenplum's`;
  if (releaseOf(number) === releaseOf(serverVersion)) return undefined;
  return `its version is PostgreSQL ${number}, but the server has PostgreSQL ${serverVersion}`;
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
