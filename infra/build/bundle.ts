/**
 * `npm run build`: two files per program in dist/, a launcher (infra/launch) and the program itself, so that a host needs Node and no
 * node_modules. Prints what it wrote, and how large each program is.
 */
import { createHash } from 'node:crypto';
import { access, chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { messageOf } from '../../backup-set/base/errors.ts';
import { COORDINATOR_FLAGS, SHIPPER_FLAGS } from '../../segment-shipper/protocol/node-flags.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PROGRAMS = [
  { entry: 'cli/main.ts', name: 'stowage', flags: COORDINATOR_FLAGS },
  { entry: 'segment-shipper/main.ts', name: 'segment-shipper', flags: SHIPPER_FLAGS },
] as const;
const LAUNCHER = 'infra/launch/launch.ts';

/** Stands where the digest of the rest will. */
const DIGEST = '0'.repeat(64);
/**
 * CommonJS, because importing Node's own modules into an ES module evaluates every one of their getters: `node:http` alone loads a
 * second HTTP client that way, for 20 ms. Strict, as the ES modules were that these files are made of.
 */
const BANNER = [
  `// ${DIGEST}`,
  '(function (exports, require, module, __filename, __dirname) {',
  '"use strict";',
  "const stowageUrl = require('node:url').pathToFileURL(__filename).href;",
].join('\n');

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  logLevel: 'warning',
} as const;

/** zod's messages in fifty languages are a fifth of a program; ours are in English. */
const onlyEnglish: Plugin = {
  name: 'only-english',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, ({ path: index }) => ({
      contents: "export { default as en } from './en.js';",
      resolveDir: path.dirname(index),
    }));
  },
};

/**
 * The SDK's index loads a hundred commands, and a class with a method for each. Here it exports only
 * what storage/ and lib-storage import; esbuild rejects a name that is missing.
 */
const onlyUsedCommands: Plugin = {
  name: 'only-used-commands',
  setup({ onLoad }) {
    onLoad({ filter: /client-s3\/dist-es\/index\.js$/ }, async ({ path: index }) => {
      const commands = await s3Commands();
      const exports = commands.map((name) => `export { ${name} } from './commands/${name}.js';`);
      return {
        contents: [
          "export { S3Client } from './S3Client.js';",
          "export { ChecksumAlgorithm } from './models/enums.js';",
          ...exports,
        ].join('\n'),
        resolveDir: path.dirname(index),
      };
    });
  },
};

const LIB_STORAGE = 'node_modules/@aws-sdk/lib-storage/dist-es/Upload.js';

/** The commands that storage/, in all its folders, and lib-storage import from the SDK. */
async function s3Commands(): Promise<string[]> {
  const names = (await readdir(path.join(ROOT, 'storage'), { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
  const files = [...names.map((name) => path.join('storage', name)), LIB_STORAGE];
  const texts = await Promise.all(files.map((file) => readFile(path.join(ROOT, file), 'utf8')));
  const imports = texts.flatMap(
    (text) => text.match(/^import \{[^}]*\} from ['"]@aws-sdk\/client-s3['"]/gm) ?? [],
  );
  return [...new Set(imports.flatMap((text) => text.match(/\b\w+Command\b/g) ?? []))].sort();
}

try {
  await requireEntries();
  await mkdir(path.join(ROOT, 'dist'), { recursive: true });
  // Nearer than the project's own package.json, which says that files are ES modules.
  await writeFile(path.join(ROOT, 'dist/package.json'), '{ "type": "commonjs" }\n');
  for (const { entry, name, flags } of PROGRAMS) {
    await bundle(entry, `dist/${name}.main.js`);
    await launcher(`dist/${name}.js`, `${name}.main.js`, flags);
    const { size } = await stat(path.join(ROOT, `dist/${name}.main.js`));
    process.stdout.write(`dist/${name}.main.js ${(size / 1e6).toFixed(2)} MB\n`);
  }
} catch (error) {
  // esbuild has shown its own errors by now, with the source lines they are about.
  process.stderr.write(`build: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

async function requireEntries(): Promise<void> {
  const missing: string[] = [];
  for (const { entry } of PROGRAMS)
    await access(path.join(ROOT, entry)).catch(() => missing.push(entry));
  if (missing.length > 0) throw new Error(`nothing to bundle: ${missing.join(', ')} not found`);
}

async function bundle(entry: string, file: string): Promise<void> {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: [entry],
    outfile: file,
    // Names stay: stack traces and the names of errors are read by people.
    minifySyntax: true,
    minifyWhitespace: true,
    // ES modules first, where a package has both: what is not used is left out.
    mainFields: ['module', 'main'],
    // What is loaded on demand lies in the same file, as a function that is called on demand.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'stowageUrl' },
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: BANNER },
    footer: { js: '})' },
    alias: { assert: path.join(import.meta.dirname, 'assert.cjs') },
    plugins: [onlyEnglish, onlyUsedCommands],
    // pg asks for it and does without: bindings to libpq are slower than its own code (facts: 22 s of CPU per GB).
    external: ['pg-native'],
    write: false,
  });
  for (const { path: to, text } of outputFiles) {
    const digest = createHash('sha256').update(text).digest('hex');
    await writeFile(to, to.endsWith('.map') ? text : text.replace(DIGEST, digest));
  }
}

async function launcher(file: string, program: string, flags: readonly string[]): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: [LAUNCHER],
    outfile: file,
    define: { PROGRAM: JSON.stringify(program) },
    banner: { js: `#!/usr/bin/env -S node ${flags.join(' ')}` },
  });
  await chmod(path.join(ROOT, file), 0o755);
}
