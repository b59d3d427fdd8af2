import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completions } from '../../../infra/package/manual/pages.ts';

let folder: string;
beforeAll(async () => {
  const { bash, zsh, fish } = await completions();
  folder = mkdtempSync(join(tmpdir(), 'stowage-completion-'));
  writeFileSync(join(folder, 'bash'), bash);
  writeFileSync(join(folder, '_stowage'), zsh);
  writeFileSync(join(folder, 'fish'), fish);
  writeFileSync(join(folder, 'a file.yaml'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const has = (shell: string) => spawnSync(shell, ['--version']).status === 0;
const missing = ['bash', 'zsh', 'fish'].filter((shell) => !has(shell));
if (missing.length > 0)
  process.stderr.write(`not run: completion in ${missing.join(', ')} (not installed)\n`);

/** What a shell offers for the last word of a command line. */
type Complete = (line: string) => string[];

/** Calls bash's function with the words that bash would give it. */
const inBash: Complete = (line) => {
  const words = line.split(' ');
  const script = `source ${folder}/bash; cd ${folder}
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
    compopt() { echo "files"; }; _stowage; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return offered(spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' }).stdout);
};
const inFish: Complete = (line) => {
  const script = `cd ${folder}; source fish; complete -C '${line}'`;
  const { stdout } = spawnSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' });
  return offered(stdout).map((each) => each.split('\t')[0] ?? '');
};
const offered = (text: string) => text.split('\n').filter((line) => line !== '');

describe.each([
  ['bash', inBash],
  ['fish', inFish],
] as const)('completion in %s', (shell, complete) => {
  const runnable = !missing.includes(shell);

  test.skipIf(!runnable)('offers commands, and the flags of the command that was written', () => {
    expect(complete('stowage ba')).toEqual(['backup']);
    expect(complete('stowage --config stowage.yaml rest')).toEqual(['restore']);
    expect(complete('stowage restore 20260101000000 --drop')).toEqual(['--drop-unfinished']);
    expect(complete('stowage hosts check --at')).toEqual(['--at-once']);
    expect(complete('stowage list --drop-unf')).toEqual([]);
  });

  test.skipIf(!runnable)('offers the words of an argument and of a flag', () => {
    expect(complete('stowage completion ').toSorted()).toEqual(['bash', 'fish', 'zsh']);
    expect(complete('stowage hosts ').toSorted()).toEqual(['check', 'install']);
    expect(complete('stowage hosts --to lib ins')).toEqual(['install']);
    expect(complete('stowage list --log-level de')).toEqual(['debug']);
  });

  test.skipIf(!runnable)('offers files where the value of a flag is a file', () => {
    const files = complete('stowage list --config a');
    expect(files).toEqual(shell === 'bash' ? ['files'] : ['a file.yaml']);
  });
});

describe.skipIf(missing.includes('zsh'))('completion in zsh', () => {
  /** Types into a zsh that runs in a terminal of its own, and presses the tabulator. */
  const type = (line: string) => {
    const script = `zmodload zsh/zpty; zpty shell zsh -f -i
      zpty -w shell 'PROMPT=; fpath=(${folder} $fpath); autoload -U compinit; compinit -u -D; bindkey "^I" complete-word; zstyle ":completion:*" menu no; echo begin''now'
      zpty -r -m shell seen '*beginnow*'
      zpty -w -n shell ${JSON.stringify(line)}$'\\t'
      zpty -w -n shell $'\\C-a"\\C-eX"\\n'; zpty -r -m shell seen '*command not found*'; print -r -- $seen`;
    return spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8', timeout: 15_000 }).stdout;
  };

  test('is a script without errors, and completes a command and its flag', () => {
    const checked = spawnSync('zsh', ['-n', join(folder, '_stowage')], { encoding: 'utf8' });
    expect(checked.stderr).toBe('');
    expect(type('stowage ba')).toMatch(/stowage backup/);
    expect(type('stowage hosts check --at')).toMatch(/--at-once/);
  });
});
