import type { ConnectionTarget } from '../flavour.ts';
import { startTool } from './process.ts';

/** What a program prints about itself, without a connection. */
export async function programOutput(
  target: ConnectionTarget,
  program: string,
  option: '--version' | '--help',
  signal?: AbortSignal | undefined,
): Promise<string> {
  const tool = await startTool(target, program, { args: [option], signal });
  tool.stdin.end();
  const [output] = await Promise.all([Array.fromAsync(tool.stdout), tool.done]);
  return Buffer.concat(output as Uint8Array[]).toString('utf8');
}

/** `15.18` of `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`. */
export function versionIn(output: string): string {
  return /\)\s+(\S+)/.exec(output)?.[1] ?? output.trim();
}
