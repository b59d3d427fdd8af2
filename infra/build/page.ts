/** Bundles console/ into the two files that the page loads. */
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The module that gives the page to `stowage serve`. */
const PAGE_FILES = /functions\/serve\/console\/http\/page-files\.ts$/;

/** No inline script or style: the policy of the page forbids them. */
const INDEX = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Stowage</title>
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="console.css">
<script type="module" src="console.js"></script>
</head>
<body><noscript>The console needs JavaScript. The command line shows the same: stowage list.</noscript></body>
</html>
`;

/** Three sizes of segments: what the console shows. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#1b4f72"/><path d="M3 4h10v2H3zM3 7h7v2H3zM3 10h9v2H3z" fill="#fff"/></svg>
`;

export async function buildPage() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['console/main.tsx'],
    outdir: 'dist/console',
    entryNames: 'console',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    tsconfig: 'console/tsconfig.json',
    logLevel: 'warning',
    write: false,
  });
  const textOf = (ending: string) =>
    outputFiles.find((file) => file.path.endsWith(ending))?.text ?? '';
  return {
    'index.html': INDEX,
    'icon.svg': ICON,
    'console.js': textOf('.js'),
    'console.css': textOf('.css'),
  };
}

/** Puts the page into the program: one file to install. */
export const withPage: Plugin = {
  name: 'with-page',
  setup({ onLoad }) {
    onLoad({ filter: PAGE_FILES }, async () => ({
      contents: `const files = ${JSON.stringify(await buildPage())};
export const pageFiles = async () => files;
`,
    }));
  },
};
