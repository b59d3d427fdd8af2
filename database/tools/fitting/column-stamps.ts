import { majorOf } from './versions.ts';

/**
 * Minor releases of all majors come out on one day: 15.20 with 16.16, 17.12 and 18.6. By how many
 * the minor number of a major is behind that of 15.
 */
const BEHIND_15 = new Map([
  [13, -8],
  [14, -5],
  [15, 0],
  [16, 4],
  [17, 8],
  [18, 14],
]);
/**
 * 15.20, of November 2026, keeps a stamp with each column: the option pg_attver in
 * pg_attribute.attoptions. Seen there; that the other majors of that day do the same is assumed.
 */
const STAMPS_SINCE = 20;

/**
 * Whether a pg_dump is older than the stamps that its server keeps with columns. It then writes
 * them into the definitions, and only a server that knows them accepts these.
 */
export function writesColumnStamps(programVersion: string, serverVersion: string): boolean {
  return hasStamps(serverVersion) && !hasStamps(programVersion);
}

function hasStamps(version: string): boolean {
  const major = majorOf(version);
  const behind = BEHIND_15.get(major);
  if (behind === undefined) return major > 18;
  const minor = Number(/^\d+\.(\d+)/.exec(version)?.[1] ?? 0);
  return minor + behind >= STAMPS_SINCE;
}
