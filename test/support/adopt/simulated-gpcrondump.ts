import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseName } from '../../../cli/adopt/gpcrondump/names.ts';
import { GPCRONDUMP } from './fixtures.ts';

export interface SimulationOptions {
  /** The host of a file in the lists; absent: this one. */
  readonly hostOf?: (path: string) => string;
  /** A part of the name of a dump whose writer dies in the middle. */
  readonly dies?: string;
  /** gpcrondump is cancelled: it ends before this kind of file. */
  readonly cancelledBefore?: 'post_data' | 'report';
}

export interface Simulation {
  /** The folder of the lists. */
  readonly lists: string;
  readonly fifos: readonly string[];
  /** A shell command that writes the files of the set as gpcrondump does. */
  readonly command: string;
}

/** The order in which gpcrondump writes its files. */
const ORDER = ['cdatabase', 'dump', 'status', 'post_data', 'report', 'other', 'globals'];

/** A gpcrondump that writes the bytes of a real set, where its lists say, in its order. */
export async function simulate(
  set: string,
  timestamp: string,
  folder: string,
  { hostOf = hostname, dies, cancelledBefore }: SimulationOptions = {},
): Promise<Simulation> {
  const source = join(GPCRONDUMP, set);
  const files = (await readdir(source, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(source.length + 1))
    .flatMap((path) => {
      const file = parseName(basename(path));
      const at = ORDER.indexOf(file?.kind ?? '');
      return file?.timestamp === timestamp && at !== -1
        ? [{ path, kind: file.kind, at, from: join(source, path), to: join(folder, path) }]
        : [];
    })
    .sort((a, b) => a.at - b.at);
  const isDump = (kind: string) => kind === 'dump' || kind === 'post_data';
  const fifos = files.filter(({ kind }) => isDump(kind)).map(({ to }) => to);
  const steps: string[] = [];
  const end = cancelledBefore === undefined ? files.length : ORDER.indexOf(cancelledBefore);
  for (const { kind, at, from, to } of files) {
    if (cancelledBefore !== undefined && at >= end) break;
    if (kind !== 'dump' && steps.at(-1)?.endsWith('&') === true) steps.push('wait');
    const { size } = await stat(from);
    const read = dies !== undefined && to.includes(dies) ? `head -c ${size >> 1}` : 'cat';
    steps.push(`${read} '${from}' > '${to}'${kind === 'dump' ? ' &' : ''}`);
  }
  steps.push('wait', `exit ${cancelledBefore === undefined ? 0 : 2}`);
  for (const to of new Set(files.map((file) => dirname(file.to))))
    await mkdir(to, { recursive: true });
  const report = files.find(({ kind }) => kind === 'report');
  const lists = dirname(report?.to ?? folder);
  const line = (to: string) => `${hostOf(to)}:${to}\n`;
  const list = (name: string, paths: readonly string[]) =>
    writeFile(join(lists, `gp_dump_${timestamp}_${name}`), paths.map(line).join(''));
  await list('pipes', fifos);
  // gpcrondump lists those of the master, without the globals.
  const regular = files.filter(
    ({ kind, to }) => !isDump(kind) && kind !== 'globals' && dirname(to) === lists,
  );
  await list(
    'regular_files',
    regular.map(({ to }) => to),
  );
  const script = join(folder, 'gpcrondump.sh');
  await writeFile(script, `${steps.join('\n')}\n`);
  return { lists, fifos, command: `sh '${script}'` };
}
