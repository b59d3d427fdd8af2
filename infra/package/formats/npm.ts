import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { manualPages } from '../manual/pages.ts';
import { run } from '../node/fetch.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** Command → file, as `bin` of a package.json has it. */
const COMMANDS = {
  stowage: 'stowage.js',
  'stowage-gpbackup-plugin': 'stowage-gpbackup-plugin',
  'stowage-segment-shipper': 'segment-shipper.js',
};
const OTHERS = ['stowage.main.js', 'segment-shipper.main.js'];

/** The launcher refuses older ones: they have no zstd, or lose frames without an error. */
export const NODE_ENGINES = '>=24';

/**
 * Makes `stowage-VERSION.tgz` for `npm install -g`. The programs have all they need in them, so it
 * depends on no package. Its package.json is not that of the checkout, which stays private.
 */
export async function makeNpm(
  folder: string,
  { version, programs, out, day }: { version: string; programs: string; out: string; day: Date },
): Promise<string> {
  await mkdir(path.join(folder, 'man'), { recursive: true });
  for (const name of [...Object.values(COMMANDS), ...OTHERS])
    await copyFile(path.join(programs, name), path.join(folder, name));
  for (const name of Object.values(COMMANDS)) await chmod(path.join(folder, name), 0o755);
  const pages = await manualPages(day);
  for (const [name, text] of pages) await writeFile(path.join(folder, 'man', name), text);
  await copyFile(path.join(ROOT, 'LICENSE'), path.join(folder, 'LICENSE'));
  await copyFile(path.join(ROOT, 'README.md'), path.join(folder, 'README.md'));
  const description = {
    name: 'stowage',
    version,
    description: 'Offsite backup for segmented PostgreSQL',
    license: 'Apache-2.0',
    type: 'commonjs',
    engines: { node: NODE_ENGINES },
    os: ['linux', 'darwin'],
    bin: COMMANDS,
    man: [...pages.keys()].map((name) => `man/${name}`),
  };
  await writeFile(path.join(folder, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);
  const printed = await run('npm', ['pack', '--silent', '--pack-destination', out], {
    cwd: folder,
  });
  return path.join(out, printed.trim().split('\n').at(-1) ?? '');
}
