import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ENTRY = fileURLToPath(new URL('../../../segment-shipper/main.ts', import.meta.url));

function shipper(...args: string[]) {
  return spawnSync(process.execPath, [ENTRY, ...args], { encoding: 'utf8', input: '' });
}

describe('stowage-segment-shipper on a command line', () => {
  it.each([[['--help']], [['-h']], [['agent', '--help']]])('prints its usage for %j', (args) => {
    const { status, stdout, stderr } = shipper(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: stowage-segment-shipper\n/);
  });

  it.each([[['--nonsense']], [['agent', '--nonsense']], [['agnet']]])(
    'exits with 2 and prints one line for %j',
    (args) => {
      const { status, stdout, stderr } = shipper(...args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^stowage-segment-shipper: unknown [^\n]+\n$/);
    },
  );
});
