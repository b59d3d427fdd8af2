/** The page, as texts. The icon, the script and the style sheet are all that it loads. */
export interface PageFiles {
  readonly 'index.html': string;
  readonly 'icon.svg': string;
  readonly 'console.js': string;
  readonly 'console.css': string;
}

/**
 * Bundles console/ now: how the sources run. `npm run build` replaces this module by one that has
 * the texts (infra/build/page.ts).
 */
export async function pageFiles(): Promise<PageFiles> {
  // Not a literal: a bundler must not follow it.
  const builder = new URL('../../../../infra/build/page.ts', import.meta.url).href;
  const { buildPage } = (await import(builder)) as { buildPage: () => Promise<PageFiles> };
  return buildPage();
}
