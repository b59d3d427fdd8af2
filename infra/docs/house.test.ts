import { glob, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PRODUCT = [
  'async',
  'backup-set',
  'frame',
  'encryption',
  'storage',
  'database',
  'segment-shipper',
  'functions',
  'cli',
  'console',
];
const FOLDERS = [...PRODUCT, 'infra', 'test'];
const FILES_MAX = 16;
const LINES_MAX = 300;
const COLUMNS_MAX = 100;

/** Words that make a reader ask which program, role or person is meant, or that name nothing. */
const UNCLEAR = /\b(?:[Ww]hoever|[Nn]obody|[Ss]omebody|[Ff]or ever|its kin)\b/;

interface Source {
  readonly file: string;
  readonly lines: readonly string[];
}

const entries = (
  await Promise.all(
    FOLDERS.map((folder) =>
      readdir(path.join(ROOT, folder), { recursive: true, withFileTypes: true }),
    ),
  )
).flat();
const files = entries
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)))
  .toSorted();
const sources: readonly Source[] = await Promise.all(
  files
    .filter((file) => /\.(?:ts|tsx|mts|mjs|cjs)$/.test(file))
    .map(async (file) => ({
      file,
      lines: (await readFile(path.join(ROOT, file), 'utf8')).split('\n'),
    })),
);

const pages = (
  await Promise.all(
    ['.', 'docs', 'docs/design'].map(async (folder) =>
      (
        await readdir(path.join(ROOT, folder))
      )
        .filter((name) => name.endsWith('.md'))
        .map((name) => path.join(folder, name)),
    ),
  )
).flat();

/** A user or role may be called nobody: a single word in quotes is a name, not prose. */
const withoutNames = (line: string) =>
  line.replaceAll(/(['`])\w+\1|\\'\w+\\'|ROLE somebody|TO somebody/g, '');

const isComment = (line: string) => /^\s*(?:\/\/|\/?\*)/.test(line);

describe('the house', () => {
  test(`has no folder with more than ${FILES_MAX} files`, () => {
    const counts = Map.groupBy(files, (file) => path.dirname(file));
    const crowded = [...counts].filter(
      ([folder, held]) => held.length > FILES_MAX && !folder.split(path.sep).includes('fixtures'),
    );
    expect(crowded.map(([folder, held]) => `${folder}: ${held.length}`)).toEqual([]);
  });

  // oxlint checks such a file with options of its own, which are less strict.
  test('has no TypeScript outside every tsconfig.json', async () => {
    const { include } = JSON.parse(await readFile(path.join(ROOT, 'tsconfig.json'), 'utf8')) as {
      include: string[];
    };
    const covered = new Set(['console', ...include.map((pattern) => pattern.split('/')[0])]);
    const folders = new Set<string>();
    for await (const file of glob('*/**/*.{ts,tsx}', {
      cwd: ROOT,
      exclude: ['node_modules', 'dist'],
    }))
      folders.add(file.split(path.sep)[0] ?? file);
    expect([...folders].filter((folder) => !covered.has(folder))).toEqual([]);
  });

  test(`has no source file of more than ${LINES_MAX} lines`, () => {
    const long = sources.filter(({ lines }) => lines.length - 1 > LINES_MAX);
    expect(long.map(({ file, lines }) => `${file}: ${lines.length - 1}`)).toEqual([]);
  });

  test(`has no comment line of more than ${COLUMNS_MAX} columns`, () => {
    const wide = sources.flatMap(({ file, lines }) =>
      lines.flatMap((line, index) =>
        isComment(line) && line.length > COLUMNS_MAX && !/(?:oxlint|biome)-/.test(line)
          ? [`${file}:${index + 1}`]
          : [],
      ),
    );
    expect(wide).toEqual([]);
  });

  test('uses no unclear words in code and pages', async () => {
    const texts = await Promise.all(
      pages.map(async (file) => ({
        file,
        lines: (await readFile(path.join(ROOT, file), 'utf8')).split('\n'),
      })),
    );
    const unclear = [...sources, ...texts]
      .filter(({ file }) => file !== 'infra/docs/house.test.ts')
      .flatMap(({ file, lines }) =>
        lines.flatMap((line, index) =>
          UNCLEAR.test(withoutNames(line)) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
        ),
      );
    expect(unclear).toEqual([]);
  });
});

describe('pages and comments', () => {
  test('name only files of ours that exist', async () => {
    const texts = await Promise.all(
      pages.map(async (file) => ({ file, text: await readFile(path.join(ROOT, file), 'utf8') })),
    );
    const mention = new RegExp(
      `(?<![\\w./-])(?:${FOLDERS.join('|')})/[\\w./-]*\\w\\.(?:ts|mjs|cjs|wat|yml|sql|txt)\\b`,
      'g',
    );
    const commented = sources.map(({ file, lines }) => ({
      file,
      text: lines.filter(isComment).join('\n'),
    }));
    const missing: string[] = [];
    for (const { file, text } of [...texts, ...commented])
      for (const [name] of text.matchAll(mention))
        if (!(await stat(path.join(ROOT, name)).catch(() => undefined)))
          missing.push(`${file} names ${name}`);
    expect(missing).toEqual([]);
  });

  test('docs/architecture.md has a line for every room of the product', async () => {
    const page = await readFile(path.join(ROOT, 'docs/architecture.md'), 'utf8');
    const rooms = new Set(
      files
        .filter((file) => PRODUCT.some((folder) => file.startsWith(`${folder}/`)))
        .map((file) => `${file.split('/').slice(0, -1).slice(0, 2).join('/')}/`),
    );
    expect([...rooms].filter((room) => !page.includes(`\`${room}\``))).toEqual([]);
  });
});
