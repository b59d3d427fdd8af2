/**
 * Bundles every AWS function into dist/lambda/<function>/index.mjs, as the first step of `npm run
 * package`.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { kebab, LANES, SCHEDULED } from '../aws/lanes.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = 'dist/lambda';

/** Small bundles start faster. A larger one includes a package that it should not. */
export const BUNDLE_BYTES_MAX = 1_000_000;

/**
 * Bundled CommonJS packages call `require` for Node's modules, which an ES module does not have.
 */
const BANNER = [
  "import { createRequire as stowageCreateRequire } from 'node:module';",
  'const require = stowageCreateRequire(import.meta.url);',
].join('\n');

/** @returns the size of each function's bundle. */
export async function bundleFunctions(): Promise<Map<string, number>> {
  const names = [...LANES, ...SCHEDULED].map(({ name }) => kebab(name));
  await build({
    absWorkingDir: ROOT,
    entryPoints: names.map((name) => ({ in: `functions/lambda/${name}.ts`, out: `${name}/index` })),
    outdir: FOLDER,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    // Names of functions and classes stay: stack traces and names of errors must be readable.
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    // Without sources: they would triple the upload, and are in the repository.
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: BANNER },
    logLevel: 'warning',
  });
  return new Map(await Promise.all(names.map(async (name) => [name, await sizeOf(name)] as const)));
}

const sizeOf = async (name: string) =>
  (await stat(path.join(ROOT, FOLDER, name, 'index.mjs'))).size;
