import path from 'node:path';
import { type BuildOptions, build, type Metafile, type OutputFile, transform } from 'esbuild';

/** A program as one CommonJS script, and its source map. */
export interface Script {
  readonly text: string;
  readonly map: string;
}

type Options = BuildOptions & {
  /** Before and after the code. */
  readonly begin: string;
  readonly end: string;
};

/** Bundles a program into one function. Code for dynamic imports runs on demand. */
export async function bundleWhole(
  entry: string,
  { begin, end, ...rest }: Options,
): Promise<Script> {
  const { outputFiles } = await build({
    ...rest,
    entryPoints: [entry],
    outdir: 'dist',
    format: 'cjs',
    supported: { 'dynamic-import': false },
    banner: { js: begin.trimEnd() },
    footer: { js: end },
    sourcemap: 'external',
    sourcesContent: false,
    write: false,
  });
  const [map, script] = outputFiles;
  if (map === undefined || script === undefined) throw new Error(`esbuild made no map of ${entry}`);
  return { text: script.text, map: map.text };
}

/** Loads a chunk on its first use; everything else comes from Node. */
const LOADER = `const stowageChunks = { __proto__: null };
const stowageLoaded = { __proto__: null };
const stowageRequire = (id) => {
  if (stowageLoaded[id] !== undefined) return stowageLoaded[id].exports;
  if (stowageChunks[id] === undefined) return require(id);
  const chunk = (stowageLoaded[id] = { exports: {} });
  stowageChunks[id](chunk.exports, stowageRequire, chunk);
  return chunk.exports;
};
`;

/**
 * Bundles a program into one script of many functions: esbuild makes a chunk of the modules that
 * the same dynamic imports need, and each chunk becomes a function, which V8 compiles when the
 * chunk is loaded. With all modules in one function, V8 stored something for each of 20,000
 * functions, and each start read it again.
 */
export async function bundleChunks(
  entry: string,
  { begin, end, ...rest }: Options,
): Promise<Script> {
  const { outputFiles = [], metafile } = await build({
    ...rest,
    entryPoints: [entry],
    outdir: 'dist',
    format: 'esm',
    splitting: true,
    sourcemap: 'inline',
    sourcesContent: false,
    write: false,
    metafile: true,
  });
  requireModules(entry, metafile);
  let text = begin + LOADER;
  const sections: object[] = [];
  for (const file of outputFiles) {
    const { code, map } = await asCommonJs(file, rest);
    text += `stowageChunks['./${path.basename(file.path)}'] = function (exports, require, module) {\n`;
    sections.push({ offset: { line: text.split('\n').length - 1, column: 0 }, map });
    text += `${code}};\n`;
  }
  const main = `./${path.basename(entry).replace(/\.ts$/, '.js')}`;
  text += `stowageRequire('${main}');\n${end}`;
  return { text, map: JSON.stringify({ version: 3, sections }) };
}

/** Of a CommonJS file esbuild's chunk has a default export only; from source, Node finds more. */
function requireModules(entry: string, { inputs, outputs }: Metafile): void {
  const wrong = Object.values(outputs).flatMap(({ entryPoint = entry }) =>
    inputs[entryPoint]?.format === 'cjs' ? [entryPoint] : [],
  );
  if (wrong.length > 0)
    throw new Error(
      `import() of CommonJS files: ${wrong.join(', ')}. Import them statically, in a module that is loaded on demand`,
    );
}

async function asCommonJs(
  { path: file, text }: OutputFile,
  { minifyWhitespace, target }: BuildOptions,
) {
  const { code, map } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    ...(target !== undefined && { target }),
    ...(minifyWhitespace !== undefined && { minifyWhitespace }),
    minifySyntax: true,
    supported: { 'dynamic-import': false },
    sourcefile: path.basename(file),
    sourcemap: 'external',
    sourcesContent: false,
  });
  return { code, map: JSON.parse(map) as object };
}
