import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { SPLITTER_MODULE, splitterModule } from './wasm.ts';

it('has built splitter-module.ts from splitter.wat as it is', async () => {
  // Otherwise: npm run build:wasm
  expect(await readFile(SPLITTER_MODULE, 'utf8')).toBe(await splitterModule());
});
