/** Bundles every function on AWS into dist/lambda/<function>/index.mjs; `npm run package` does it first. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { kebab, LANES, SWEEP } from '../aws/lanes.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = 'dist/lambda';

/** Lambda loads what is small faster; what grows past this has begun to bundle something that it should not. */
export const BUNDLE_BYTES_MAX = 1_000_000;

/** CommonJS packages inside an ES module call `require` for Node's own modules; ES modules have none. */
const BANNER = [
  "import { createRequire as stowageCreateRequire } from 'node:module';",
  'const require = stowageCreateRequire(import.meta.url);',
].join('\n');

/** @returns the size of each function's bundle. */
export async function bundleFunctions(): Promise<Map<string, number>> {
  const names = [...LANES, SWEEP].map(({ name }) => kebab(name));
  await build({
    absWorkingDir: ROOT,
    entryPoints: names.map((name) => ({ in: `functions/lambda/${name}.ts`, out: `${name}/index` })),
    outdir: FOLDER,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    // Names of functions and classes stay: stack traces and error names are read by people.
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    // Positions only: the sources are in the repository, and would triple what is uploaded.
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: BANNER },
    logLevel: 'warning',
  });
  return new Map(await Promise.all(names.map(async (name) => [name, await sizeOf(name)] as const)));
}

const sizeOf = async (name: string) =>
  (await stat(path.join(ROOT, FOLDER, name, 'index.mjs'))).size;
