import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { SPLITTER_MODULE, splitterModule } from './wasm.ts';

it('splitter-module.ts is built from the current splitter.wat', async () => {
  // When it fails: npm run build:wasm
  expect(await readFile(SPLITTER_MODULE, 'utf8')).toBe(await splitterModule());
});
