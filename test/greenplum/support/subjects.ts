import type { CliResult } from '../../support/cli.ts';

/** The ways to take the cluster's snapshot. */
export const SNAPSHOTS = ['barrier', 'dispatch'] as const;

/** Why a command failed, or undefined: to be expected first, so that a failing test shows what the command said. */
export function complaintOf({ code, text }: CliResult): string | undefined {
  return code === 0 ? undefined : `exit code ${code}: ${text}`;
}
