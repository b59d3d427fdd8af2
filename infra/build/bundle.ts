/**
 * `npm run build`: one file per program in dist/, so that a segment host needs Node and two files.
 * Prints what it wrote, and how large each file is.
 */
import { access, chmod, stat } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { messageOf } from '../../backup-set/errors.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PROGRAMS = [
  { entry: 'cli/main.ts', file: 'dist/stowage.js' },
  { entry: 'segment-shipper/main.ts', file: 'dist/segment-shipper.js' },
] as const;

/** CommonJS packages inside an ES module call `require` for Node's own modules; ES modules have none. */
const BANNER = [
  '#!/usr/bin/env -S node --max-semi-space-size=1',
  "import { createRequire as stowageCreateRequire } from 'node:module';",
  'const require = stowageCreateRequire(import.meta.url);',
].join('\n');

try {
  await requireEntries();
  for (const program of PROGRAMS) {
    await bundle(program);
    const { size } = await stat(path.join(ROOT, program.file));
    process.stdout.write(`${program.file} ${(size / 1e6).toFixed(2)} MB\n`);
  }
} catch (error) {
  // esbuild has shown its own errors by now, with the source lines they are about.
  process.stderr.write(`build: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

async function requireEntries(): Promise<void> {
  const missing: string[] = [];
  for (const { entry } of PROGRAMS) await access(path.join(ROOT, entry)).catch(() => missing.push(entry));
  if (missing.length > 0) throw new Error(`nothing to bundle: ${missing.join(', ')} not found`);
}

async function bundle({ entry, file }: (typeof PROGRAMS)[number]): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // ES modules first, where a package has both: they need no shim, and what is not used is left out.
    mainFields: ['module', 'main'],
    sourcemap: 'linked',
    banner: { js: BANNER },
    // pg asks for it and does without: bindings to libpq are slower than its own code (facts: 22 s of CPU per GB).
    external: ['pg-native'],
    logLevel: 'warning',
  });
  await chmod(path.join(ROOT, file), 0o755);
}
