/**
 * dist/stowage.js and dist/segment-shipper.js: they run the program in the same folder, with the
 * code that V8 compiled in an earlier run (cache.ts). Compiling is half the cost of a process that
 * ships a kilobyte. When the stored code cannot be used, the program runs without it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { MODULES_USED } from '../../storage/mark-module-used.ts';
import { cacheFolder, keepCompiled, readCompiled } from './cache.ts';

/** The name of the program's file, set by the build. */
declare const PROGRAM: string;

/**
 * In a longer run the code is taken after this time: V8 discards code that has not run for a while.
 */
const START_MS = 10_000;
/** File systems allow 255; the temporary name is longer. */
const NAME_CHARS_MAX = 240;
/** With one of these a command compiles little of its code: its help is a part of its own. */
const HELP = new Set(['--help', '-h', 'help']);

/** Older versions have no zstd, or lose frames without an error. */
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
// The first line has the build's digest: V8 would accept the code of another build of equal length.
const digest = text.slice('// '.length, text.indexOf('\n'));
// V8 rejects code compiled with other flags, so each set of flags has its own file.
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
const parts = new Set(['start']);
const what = process.argv.some((arg) => HELP.has(arg)) ? 'help' : 'run';
const command = `${what} ${process.argv[2] ?? ''}`.replaceAll(/[^\w ]/g, '');
(globalThis as { [MODULES_USED]?: Set<string> })[MODULES_USED] = parts;
if (folder !== undefined) {
  const keepEarly = () => {
    parts.add(command);
    keep();
  };
  const early = known.has(command) ? undefined : setTimeout(keepEarly, START_MS).unref();
  process.once('exit', (exitCode) => {
    clearTimeout(early);
    // A command that failed has compiled little of its code. Marked as kept, each later run of it
    // would compile the rest.
    if (exitCode === 0) parts.add(command);
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

/**
 * Only when a part has run whose code is not stored: taking the code costs as much as compiling it.
 */
function keep(): void {
  if (folder === undefined || [...parts].every((part) => known.has(part))) return;
  const all = [...new Set([...known, ...parts])].sort();
  try {
    keepCompiled(folder, name, { code: script.createCachedData(), parts: all }, Date.now());
  } catch {
    // For example a full disk: the next start compiles again.
  }
}
