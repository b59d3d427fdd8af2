import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ENTRY = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

function stowage(...args: string[]) {
  return spawnSync(process.execPath, [ENTRY, ...args], { encoding: 'utf8', input: '' });
}

it.each([
  [['list', '--nonsense'], "unknown option '--nonsense'"],
  [['bakcup'], "unknown command 'bakcup' (Did you mean backup?)"],
  [['show'], "missing required argument 'set'"],
  [['show', 'yesterday', '--config', '/nowhere'], 'configuration file /nowhere does not exist'],
])(
  '%j prints its error in the form of all errors: the message, the code and a hint',
  (args, message) => {
    const { status, stdout, stderr } = stowage(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    const [first, second = '', ...rest] = stderr.split('\n');
    expect(first).toBe(`stowage: ${message}`);
    expect(second).toMatch(/^ {2}(?:usage|config)\/\w+: /);
    expect(rest).toEqual(['']);
  },
);

it('prints the help, and exits with 2, without a command', () => {
  const { status, stdout, stderr } = stowage();
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^Usage: stowage /);
});
