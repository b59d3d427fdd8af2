import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire, SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleChunks } from './chunks.ts';

const OPTIONS = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  begin: '',
  end: '',
} as const;

const FILES = {
  'shared.ts': `export const loaded: string[] = [];`,
  'main.ts': `import { loaded } from './shared.ts';
loaded.push('main');
(globalThis as { chunks?: unknown }).chunks = { loaded, more: () => import('./more.ts') };`,
  'more.ts': `import { loaded } from './shared.ts';
loaded.push('more');

export function fail(): never {
  throw new Error('failed');
}`,
  'common.cjs': `exports.named = 1;`,
  'wrong.ts': `void import('./common.cjs').then(({ named }) => console.log(named));`,
};

interface Chunks {
  readonly loaded: readonly string[];
  readonly more: () => Promise<{ fail(): never }>;
}

let folder = '';
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'stowage-chunks-')));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('runs a chunk on the first import() of it, and its map leads to the source', async () => {
  const { text, map } = await bundleChunks(join(folder, 'main.ts'), {
    ...OPTIONS,
    absWorkingDir: folder,
    begin: '(function (require) {\n',
    end: '})',
  });
  const run = runInThisContext(text, { filename: 'bundled.js' }) as (
    require: NodeJS.Require,
  ) => void;
  run(createRequire(import.meta.url));
  const { loaded, more } = (globalThis as unknown as { chunks: Chunks }).chunks;
  expect(loaded).toEqual(['main']);
  const { fail } = await more();
  await more();
  expect(loaded).toEqual(['main', 'more']);
  let stack = '';
  try {
    fail();
  } catch (error) {
    stack = String((error as Error).stack);
  }
  const [, line, column] = /bundled\.js:(\d+):(\d+)/.exec(stack) ?? [];
  const found = new SourceMap(JSON.parse(map) as SourceMapPayload);
  expect(found.findEntry(Number(line) - 1, Number(column) - 1)).toMatchObject({
    originalSource: expect.stringMatching(/more\.ts$/),
    originalLine: 4,
  });
});

it('refuses import() of a CommonJS file, of which only the default export would be there', async () => {
  const wrong = bundleChunks(join(folder, 'wrong.ts'), { ...OPTIONS, absWorkingDir: folder });
  await expect(wrong).rejects.toThrow('import() of CommonJS files: common.cjs');
});
