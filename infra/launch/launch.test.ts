import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCompiled } from './cache.ts';

/** Fails for `work --fail`. */
const PROGRAM = `// digest
(function (exports, require, module) {
process.exitCode = process.argv.includes('--fail') ? 3 : 0;
})`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-launch-'));
  await writeFile(join(folder, 'program.main.js'), PROGRAM);
  await build({
    entryPoints: [join(import.meta.dirname, 'launch.ts')],
    outfile: join(folder, 'program.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    define: { PROGRAM: '"program.main.js"' },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the program; returns the parts whose code is kept after it. */
async function keptAfter(...args: readonly string[]): Promise<readonly string[] | undefined> {
  const cache = join(folder, 'cache');
  const env = { ...process.env, STOWAGE_CACHE: cache };
  const { stderr } = spawnSync(process.execPath, [join(folder, 'program.js'), ...args], { env });
  expect(stderr.toString()).toBe('');
  const [file = ''] = await readdir(cache);
  return readCompiled(join(cache, file))?.parts;
}

it('keeps the code of a command after a run that did its work; its help counts for itself, a failure not at all', async () => {
  expect(await keptAfter('work', '--fail')).toEqual(['start']);
  expect(await keptAfter('work', '--help')).toEqual(['help work', 'start']);
  expect(await keptAfter('work')).toEqual(['help work', 'run work', 'start']);
  expect(await keptAfter('other', '--fail')).toEqual(['help work', 'run work', 'start']);
});
