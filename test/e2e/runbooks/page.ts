import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { STOWAGE } from '../../support/programs/programs.ts';

const PAGE = new URL('../../../docs/runbooks.md', import.meta.url);

export interface Runbooks {
  /** The titles of the sections that have a command. */
  readonly titles: readonly string[];
  /**
   * Runs the commands of a section in the order of the page, as an operator does who pastes them
   * into a shell.
   * @param replaced text of the page → what it is in this test: hosts, places, ids
   */
  run(title: string, replaced?: Readonly<Record<string, string>>): Promise<ShellResult>;
}

export interface ShellResult {
  readonly code: number;
  /** Standard output and standard error. */
  readonly text: string;
}

/** Reads docs/runbooks.md. Its commands run in `folder`, which gets the `stowage` program. */
export async function readRunbooks(folder: string, binDir: string): Promise<Runbooks> {
  const sections = sectionsOf(await readFile(PAGE, 'utf8'));
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(
    join(bin, 'stowage'),
    `#!/bin/sh\nexec '${process.execPath}' '${STOWAGE}' "$@"\n`,
  );
  await chmod(join(bin, 'stowage'), 0o755);
  return {
    titles: [...sections.keys()],
    run(title, replaced = {}) {
      let script = sections.get(title);
      if (script === undefined) throw new Error(`docs/runbooks.md has no command for "${title}"`);
      for (const [from, to] of Object.entries(replaced)) {
        if (!script.includes(from)) throw new Error(`"${title}" does not say ${from}: ${script}`);
        script = script.replaceAll(from, to);
      }
      return shell(script, folder, `${bin}:${binDir}:/usr/bin:/bin`);
    },
  };
}

/** Title of a section → the text of its blocks of sh. */
function sectionsOf(page: string): Map<string, string> {
  const sections = page.split(/^## /m).slice(1);
  const commands = sections.map((section): [string, string] => {
    const [title = ''] = section.split('\n');
    const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
    return [title, blocks.join('')];
  });
  return new Map(commands.filter(([, script]) => script !== ''));
}

async function shell(script: string, cwd: string, path: string): Promise<ShellResult> {
  const env = { PATH: path, HOME: cwd, LC_ALL: 'C.UTF-8', COLUMNS: '80' };
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
