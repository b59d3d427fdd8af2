/**
 * What dist/stowage.js and dist/segment-shipper.js are: they run the program beside them, compiled already where an earlier run has kept
 * V8's code (cache.ts). Compiling is half of what a process costs that ships a kilobyte. Whatever goes wrong with the kept code, the program runs.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { MODULES_USED } from '../../storage/mark-module-used.ts';
import { cacheFolder, keepCompiled, readCompiled } from './cache.ts';

/** The program's file, named by the build. */
declare const PROGRAM: string;

/** A process that runs longer has its code taken after this time: V8 throws away what has not run for long. */
const START_MS = 10_000;
/** File systems take 255, and the name grows while it is unfinished. */
const NAME_CHARS_MAX = 240;

/** Older ones have no zstd, or lose frames with it without a word. */
const NODE_MAJOR_MIN = 24;
if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `${PROGRAM.replace(/\.main\.js$/, '')} needs Node ${NODE_MAJOR_MIN} or later; ${process.execPath} is ${process.version}\n`,
  );
  process.exit(2);
}

const file = join(__dirname, PROGRAM);
// Latin-1: the build writes ASCII only, and so V8 keeps one byte for each character.
const text = readFileSync(file, 'latin1');
const folder = safeCacheFolder();
// The first line is the build's digest: the code of another build must never be taken, and V8 compares lengths only.
const digest = text.slice('// '.length, text.indexOf('\n'));
// V8 refuses code that was compiled under other flags: programs started with them must not take turns in one file.
const flags = process.execArgv.join('').replaceAll(/[^\w=]/g, '');
const name = `${PROGRAM}-${process.version}-${process.arch}-${digest}-${flags}`.slice(
  0,
  NAME_CHARS_MAX,
);
const kept = folder === undefined ? undefined : readCompiled(join(folder, name));
const script = new Script(text, {
  filename: file,
  ...(kept && { cachedData: kept.code }),
});
const known = new Set(script.cachedDataRejected === false ? kept?.parts : []);
const parts = new Set([`run ${process.argv[2] ?? ''}`.replaceAll(/[^\w ]/g, '')]);
(globalThis as { [MODULES_USED]?: Set<string> })[MODULES_USED] = parts;
if (folder !== undefined) {
  const early = known.size > 0 ? undefined : setTimeout(keep, START_MS).unref();
  process.once('exit', () => {
    clearTimeout(early);
    if (performance.now() < START_MS) keep();
  });
}
const program = { exports: {} };
script
  .runInThisContext()
  .call(program.exports, program.exports, createRequire(file), program, file, dirname(file));

function safeCacheFolder(): string | undefined {
  try {
    return cacheFolder({ env: process.env, uid: process.getuid?.() });
  } catch {
    return undefined;
  }
}

/** Only when a part has run whose code was not in what is kept: taking the code costs as much as compiling it. */
function keep(): void {
  if (folder === undefined || [...parts].every((part) => known.has(part))) return;
  const all = [...new Set([...known, ...parts])].sort();
  try {
    keepCompiled(folder, name, { code: script.createCachedData(), parts: all }, Date.now());
  } catch {
    // A full disk or a folder that cannot be made: the next start compiles again.
  }
}
