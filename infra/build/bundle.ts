/**
 * `npm run build`: writes two files per program into dist/, a launcher (infra/launch) and the
 * program, so that a host needs Node but no node_modules. Prints the size of each program. An
 * argument names another folder.
 */
import { createHash } from 'node:crypto';
import {
  access,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { messageOf } from '../../backup-set/base/errors.ts';
import { COORDINATOR_FLAGS, SHIPPER_FLAGS } from '../../segment-shipper/protocol/node-flags.ts';
import { bundleChunks, bundleWhole } from './chunks.ts';
import { withPage } from './page.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/**
 * A shipper is not split: it needs nearly all of its code, and a call into another chunk goes
 * through a getter.
 */
const PROGRAMS = [
  { entry: 'cli/main.ts', name: 'stowage', flags: COORDINATOR_FLAGS, bundled: bundleChunks },
  {
    entry: 'segment-shipper/main.ts',
    name: 'segment-shipper',
    flags: SHIPPER_FLAGS,
    bundled: bundleWhole,
  },
] as const;
const OUT = path.resolve(ROOT, process.argv[2] ?? 'dist');
/** It starts stowage.js of its own folder. */
const PLUGIN = 'infra/launch/stowage-gpbackup-plugin';
const LAUNCHER = 'infra/launch/launch.ts';

/** Replaced by the digest of the file. */
const DIGEST = '0'.repeat(64);
/**
 * CommonJS: an ES module evaluates every getter of the Node modules that it imports, and
 * `node:http` alone loads a second HTTP client that way, for 20 ms. Strict, as ES modules are.
 */
const BANNER = [
  `// ${DIGEST}`,
  '(function (exports, require, module, __filename, __dirname) {',
  '"use strict";',
  "const stowageUrl = require('node:url').pathToFileURL(__filename).href;",
  '',
].join('\n');

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  logLevel: 'warning',
} as const;

/** zod's messages in fifty languages are a fifth of a program; Stowage uses the English ones. */
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
 * Each log that pino makes asks V8 for the files of its callers, and V8 then looks for all line
 * ends of the program. Only a transport needs them, and Stowage has none.
 */
const noCallers: Plugin = {
  name: 'no-callers',
  setup({ onLoad }) {
    onLoad({ filter: /pino\/lib\/caller\.js$/ }, () => ({
      contents: 'module.exports = () => [];',
    }));
  },
};

/**
 * The SDK's index loads a hundred commands, and a class with a method for each. Here it exports
 * only what storage/ and lib-storage import; esbuild rejects a name that is missing.
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
  await mkdir(OUT, { recursive: true });
  // The project's package.json would make the files ES modules.
  await writeFile(path.join(OUT, 'package.json'), '{ "type": "commonjs" }\n');
  for (const { entry, name, flags, bundled } of PROGRAMS) {
    const file = path.join(OUT, `${name}.main.js`);
    await bundle(entry, file, bundled);
    await launcher(path.join(OUT, `${name}.js`), `${name}.main.js`, flags);
    const { size } = await stat(file);
    process.stdout.write(`${path.relative(ROOT, file)} ${(size / 1e6).toFixed(2)} MB\n`);
  }
  const plugin = path.join(OUT, path.basename(PLUGIN));
  await copyFile(path.join(ROOT, PLUGIN), plugin);
  await chmod(plugin, 0o755);
} catch (error) {
  // esbuild has already printed its own errors with their source lines.
  process.stderr.write(`build: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

async function requireEntries(): Promise<void> {
  const missing: string[] = [];
  for (const { entry } of PROGRAMS)
    await access(path.join(ROOT, entry)).catch(() => missing.push(entry));
  if (missing.length > 0) throw new Error(`nothing to bundle: ${missing.join(', ')} not found`);
}

async function bundle(entry: string, file: string, bundled: typeof bundleWhole): Promise<void> {
  const { text, map } = await bundled(entry, {
    ...COMMON,
    // Identifiers stay: stack traces and names of errors must be readable.
    minifySyntax: true,
    minifyWhitespace: true,
    // ES modules first, where a package has both: unused exports are left out.
    mainFields: ['module', 'main'],
    define: { 'import.meta.url': 'stowageUrl' },
    begin: BANNER,
    end: '})',
    alias: { assert: path.join(import.meta.dirname, 'assert.cjs') },
    plugins: [onlyEnglish, noCallers, onlyUsedCommands, withPage],
    // Optional for pg, and not used: with libpq it is slower (22 s of CPU per GB).
    external: ['pg-native'],
  });
  // The launcher reads one byte for each character. esbuild escapes all but regular expressions.
  const [odd] = /.{0,40}[^\0-\x7f]/.exec(text) ?? [];
  if (odd !== undefined) throw new Error(`${entry}: escape the last character of ${odd}`);
  const digest = createHash('sha256').update(text).digest('hex');
  await writeFile(
    file,
    `${text.replace(DIGEST, digest)}\n//# sourceMappingURL=${path.basename(file)}.map\n`,
  );
  await writeFile(`${file}.map`, map);
}

async function launcher(file: string, program: string, flags: readonly string[]): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: [LAUNCHER],
    outfile: file,
    define: { PROGRAM: JSON.stringify(program) },
    banner: { js: `#!/usr/bin/env -S node ${flags.join(' ')}` },
  });
  await chmod(file, 0o755);
}
