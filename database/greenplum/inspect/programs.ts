import { join } from 'node:path';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import type { ServerCheck } from '../../inspect/check.ts';
import { findTool } from '../../tools/process.ts';
import { programOutput, versionIn } from '../../tools/program-output.ts';

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
  {
    programs = PROGRAMS,
    signal,
  }: { readonly programs?: readonly Program[]; readonly signal?: AbortSignal | undefined },
): Promise<ServerCheck[]> {
  return Promise.all(
    programs.map(async (name): Promise<ServerCheck> => {
      try {
        const place = join(await findTool(name, { binDir: target.binDir }), name);
        const output = {
          version: await programOutput(target, name, '--version', signal),
          help: await programOutput(target, name, '--help', signal),
        };
        const fault = faultOf(name, output, serverVersion);
        if (fault === undefined)
          return { name, ok: true, detail: `${place} ${versionIn(output.version)}` };
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
  const number = versionIn(output.version);
  const dumps = program === 'pg_dump' || program === 'pg_dumpall';
  if (dumps && !output.help.includes('--gp-syntax'))
    return `this is PostgreSQL's ${number}, which loses Greenplum's distribution keys without an error`;
  if (program === 'pg_restore' && !output.version.includes('Greenplum'))
    return `this is PostgreSQL's ${number}, not Greenplum's`;
  if (releaseOf(number) === releaseOf(serverVersion)) return undefined;
  return `its version is PostgreSQL ${number}, but the server has PostgreSQL ${serverVersion}`;
}

/** `9.4` of 9.4.26, `12` of 12beta2. */
function releaseOf(version: string): string {
  const [, first = '', second = ''] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return Number(first) < 10 ? `${first}.${second}` : first;
}
