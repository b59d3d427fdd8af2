import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { blocksOf, sectionsOf } from '../../support/page-blocks.ts';
import { STOWAGE } from '../../support/programs/programs.ts';

const PAGE = new URL('../../../docs/runbooks.md', import.meta.url);

export interface Runbooks {
  /** The titles of the sections that have a command. */
  readonly titles: readonly string[];
  /**
   * Runs the commands of a section in the order of the page, as they would run when pasted into a
   * shell.
   * @param replaced text of the page → what it is in this test: hosts, places, ids
   */
  run(title: string, replaced?: Readonly<Record<string, string>>): Promise<ShellResult>;
  /** The SQL of a section. */
  sql(title: string): string;
  /** What the section shows and `printed` lacks. Numbers and places may differ. */
  absent(title: string, printed: string): readonly string[];
}

/** A section of the page. */
interface Section {
  readonly sql: string;
  /** The blocks of sh, in the order of the page. */
  readonly script: string;
  /** The outputs that it shows, without what its `…` leave out. */
  readonly shown: readonly string[];
}

export interface ShellResult {
  readonly code: number;
  /** Standard output and standard error. */
  readonly text: string;
}

/** Reads docs/runbooks.md. Its commands run in `folder`, which gets the `stowage` program. */
export async function readRunbooks(folder: string, binDir: string): Promise<Runbooks> {
  const sections = readSections(await readFile(PAGE, 'utf8'));
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(
    join(bin, 'stowage'),
    `#!/bin/sh\nexec '${process.execPath}' '${STOWAGE}' "$@"\n`,
  );
  await chmod(join(bin, 'stowage'), 0o755);
  const path = `${bin}:${binDir}:/usr/bin:/bin`;
  const section = (title: string): Section => {
    const found = sections.get(title);
    if (found === undefined) throw new Error(`docs/runbooks.md has no section "${title}"`);
    return found;
  };
  return {
    titles: [...sections.keys()],
    sql: (title) => section(title).sql,
    absent: (title, printed) =>
      section(title).shown.filter((piece) => !masked(printed).includes(masked(piece))),
    run(title, replaced = {}) {
      const { script } = section(title);
      return shell(substituted(script, replaced), folder, { PATH: path });
    },
  };
}

/** The sections with a command, by their titles. */
function readSections(page: string): Map<string, Section> {
  const read = [...sectionsOf(page)].map(([title, text]): [string, Section] => {
    const joined = (language: string) => blocksOf(text, language).join('');
    const shown = blocksOf(text, 'text').flatMap((block) => block.split('…'));
    return [title, { script: joined('sh'), sql: joined('sql'), shown }];
  });
  return new Map(read.filter(([, { script }]) => script !== ''));
}

/** On one line, and without what differs from run to run. */
function masked(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\w.]+:\d{4,5}\b/g, 'HOST')
    .replaceAll(/\d{17}-[0-9a-f]{8}/g, 'ID')
    .replaceAll(/\d[\d,.:TZ-]*(?: ?(?:kB|MB|B|ms|s)\b)?/g, 'N')
    .trim();
}

/** @throws Error when a text that is to be replaced is not on the page any more. */
export function substituted(script: string, replaced: Readonly<Record<string, string>>): string {
  let text = script;
  for (const [from, to] of Object.entries(replaced)) {
    if (!text.includes(from)) throw new Error(`the page does not say ${from}: ${script}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** Runs a script of a page in a folder. */
export async function shell(
  script: string,
  cwd: string,
  variables: Readonly<Record<string, string>>,
): Promise<ShellResult> {
  const env = { HOME: cwd, LC_ALL: 'C.UTF-8', ...variables };
  const child = promisify(execFile)('bash', ['-euo', 'pipefail', '-c', `exec 2>&1\n${script}`], {
    cwd,
    env,
  });
  const shown = await child.then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code?: number; stdout?: string }) => ({
      code: error.code ?? -1,
      text: error.stdout ?? String(error),
    }),
  );
  if (process.env['STOWAGE_SHOW_RUNBOOKS'] === '1')
    process.stderr.write(`$ ${script}${shown.text}(exit code ${shown.code})\n\n`);
  return shown;
}
