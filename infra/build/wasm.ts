/**
 * `npm run build:wasm`: assembles database/copy-wire/splitter/splitter.wat into splitter-module.ts,
 * a module that loads no other file. It needs wabt from npm only. A unit test compares the result.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import wabt from 'wabt';

const FOLDER = path.resolve(import.meta.dirname, '../../database/copy-wire/splitter');
const SOURCE = path.join(FOLDER, 'splitter.wat');
const BASE64_CHARACTERS_PER_LINE = 96;

export const SPLITTER_MODULE = path.join(FOLDER, 'splitter-module.ts');

/** The text of splitter-module.ts. The same source and wabt give the same bytes. */
export async function splitterModule(): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat('splitter.wat', await readFile(SOURCE, 'utf8'), { simd: true });
  try {
    module.validate();
    const { buffer } = module.toBinary({});
    const lines = Buffer.from(buffer)
      .toString('base64')
      .match(new RegExp(`.{1,${BASE64_CHARACTERS_PER_LINE}}`, 'g'));
    return [
      '/**',
      ` * Generated from splitter.wat by \`npm run build:wasm\`; ${buffer.byteLength} bytes of WebAssembly. Not to be edited.`,
      ' */',
      'export const SPLITTER_WASM_BASE64 =',
      `${(lines ?? []).map((line) => `  '${line}'`).join(' +\n')};`,
      '',
    ].join('\n');
  } finally {
    module.destroy();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile(SPLITTER_MODULE, await splitterModule());
}
