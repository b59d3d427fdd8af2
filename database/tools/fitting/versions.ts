import type { ArchiveHeader } from '../../objects/toc.ts';

/** Which majors of a program can do the work, and which is best. */
export interface Fit {
  readonly least: number;
  readonly most: number;
  /** The server's: its own programs know it best. */
  readonly wanted: number;
}

/** 15 of 15.18; 9.06 of 9.6, so that majors compare. */
export function majorOf(version: string): number {
  const [, first = '0', second = '0'] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return Number(first) < 10 ? Number(first) + Number(second) / 100 : Number(first);
}

/** pg_dump does not dump a server that is newer than itself. */
export function dumpFit(serverVersion: string): Fit {
  const major = majorOf(serverVersion);
  return { least: major, most: Number.POSITIVE_INFINITY, wanted: major };
}

/** The first release whose pg_restore reads an archive format 1.x. */
const READERS = [
  [16, 17],
  [15, 16],
  [14, 12],
] as const;
/** It sets transaction_timeout, which older servers do not know, and stops at their error. */
const SETS_TRANSACTION_TIMEOUT = 17;

export function readerOf({ minor }: Pick<ArchiveHeader, 'minor'>): number {
  return READERS.find(([format]) => minor >= format)?.[1] ?? 0;
}

/** `connects`: pg_restore runs the statements itself, it does not only print them. */
export function restoreFit(
  archive: Pick<ArchiveHeader, 'minor'>,
  serverVersion: string,
  connects: boolean,
): Fit {
  const wanted = majorOf(serverVersion);
  const isOld = connects && wanted < SETS_TRANSACTION_TIMEOUT;
  return {
    least: readerOf(archive),
    most: isOld ? SETS_TRANSACTION_TIMEOUT - 1 : Number.POSITIVE_INFINITY,
    wanted,
  };
}

/** The program of the wanted major; else the nearest newer one; else the nearest older one. */
export function fitting<T extends { readonly version: string }>(
  programs: readonly T[],
  { least, most, wanted }: Fit,
): T | undefined {
  const distance = ({ version }: T) => {
    const major = majorOf(version);
    return major >= wanted ? major - wanted : 1000 + wanted - major;
  };
  return programs
    .filter(({ version }) => majorOf(version) >= least && majorOf(version) <= most)
    .reduce<T | undefined>(
      (best, one) => (best === undefined || distance(one) < distance(best) ? one : best),
      undefined,
    );
}
