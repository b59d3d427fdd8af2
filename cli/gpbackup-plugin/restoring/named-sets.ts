import { readFile, rm, writeFile } from 'node:fs/promises';
import { Timestamp } from '../../../backup-set/base/timestamps.ts';

/** The sets that running gprestores were given, with one plugin configuration, on this host. */
export interface NamedSets {
  all(): readonly string[];
  add(timestamp: string): Promise<void>;
  remove(timestamp: string): Promise<void>;
}

/** A gprestore that was killed leaves its name. Each costs three requests in a restore. */
const NAMED_MAX = 16;

/**
 * gprestore names its set once for each host, and then asks for files of that set and of older
 * ones. The file keeps the names: the resident process ends when no call comes for a while, and the
 * next call starts another one.
 */
export async function namedSets(file: string): Promise<NamedSets> {
  const named = new Set((await linesOf(file)).slice(-NAMED_MAX));
  const store = () =>
    named.size === 0
      ? rm(file, { force: true })
      : writeFile(file, [...named, ''].join('\n'), { mode: 0o600 });
  return {
    all: () => [...named],
    async add(timestamp) {
      if (named.has(timestamp)) return;
      named.add(timestamp);
      for (const oldest of [...named].slice(0, -NAMED_MAX)) named.delete(oldest);
      await store();
    },
    async remove(timestamp) {
      if (!named.delete(timestamp)) return;
      await store();
    },
  };
}

/** Other lines are none of ours. */
async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').filter((line) => Timestamp.safeParse(line).success);
}
