import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Real sets of gpcrondump; README.md there says how each was made. */
export const GPCRONDUMP = join(import.meta.dirname, '../../fixtures/gpcrondump');

/** Sound full sets: folder and timestamp. */
export const SOUND = [
  ['v43-clean-oids-exclude', '20261129015112'],
  ['v43-full-gzip', '20261129014754'],
  ['v43-full-plain', '20261129014844'],
  ['v43-gp_dump-direct', '20261129015218'],
  ['v43-incremental', '20261129014946'],
  ['v43-odd-names', '20261129020526'],
  ['v43-prefix-tables', '20261129014858'],
  ['v43-tablefile-quoted', '20261129015128'],
  ['v43-u-schema-inserts', '20261129015054'],
  ['v5-enum-lost', '20261129021026'],
  ['v5-full-gzip', '20261129021659'],
  ['v5-full-plain', '20261129021714'],
  ['v5-prefix-tables', '20261129021726'],
  ['v5-u-schema-inserts', '20261129021833'],
] as const;

/**
 * The rows of each table in one file of a set, by its name as SQL writes it, from EXPECT.txt. They
 * were counted by another program when the sets were made.
 */
export async function expectedRows(): Promise<
  (set: string, file: string) => Record<string, number>
> {
  const text = await readFile(join(GPCRONDUMP, 'EXPECT.txt'), 'utf8');
  const files = new Map<string, Record<string, number>>();
  let current: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, path] = /^\.\/(\S+) complete$/.exec(line) ?? [];
    if (path !== undefined) {
      current = {};
      const [set, ...rest] = path.split('/');
      files.set(`${set} ${rest.at(-1)}`, current);
    }
    const [, rows, name] = /^ +(\d+) (.*?) *$/.exec(line) ?? [];
    if (name !== undefined) current[name] = Number(rows);
  }
  return (set, file) => {
    const found = files.get(`${set} ${file}`);
    if (found === undefined) throw new Error(`EXPECT.txt has no ${set} ${file}`);
    return found;
  };
}

/** As EXPECT.txt writes a table. */
export function asWritten({ schema, name }: { schema: string; name: string }): string {
  const quoted = (part: string) =>
    /^[a-z_][a-z0-9_]*$/.test(part) && part !== 'select' ? part : `"${part.replaceAll('"', '""')}"`;
  return `${quoted(schema)}.${quoted(name)}`;
}
