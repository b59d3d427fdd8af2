import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { buildPage, withPage } from './page.ts';

it('a bundled program has the page of the console in itself', async () => {
  const { outputFiles } = await build({
    entryPoints: ['functions/serve/console/http/page-files.ts'],
    absWorkingDir: new URL('../..', import.meta.url).pathname,
    ...{ bundle: true, write: false, format: 'esm', platform: 'node', plugins: [withPage] },
  });
  const url = `data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`;
  const { pageFiles } = (await import(url)) as { pageFiles: () => Promise<unknown> };
  expect(await pageFiles()).toEqual(await buildPage());
});

it('the page has no inline script and no inline style, which its policy forbids', async () => {
  const page = await buildPage();
  expect(page['index.html']).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=/);
  expect(page['console.js'].length).toBeGreaterThan(10_000);
  expect(page['console.css']).not.toMatch(/url\(/);
});
