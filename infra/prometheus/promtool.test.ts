import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));

const promtool = (...args: string[]) =>
  spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });

// infra/setup installs it for npm test; elsewhere the setup says what is skipped.
const isAbsent = promtool('--version').error !== undefined;

describe.skipIf(isAbsent)('promtool', () => {
  test('accepts the rules of alerts', () => {
    const { status, stdout, stderr } = promtool('check', 'rules', 'stowage.rules.yml');
    expect(status, stdout + stderr).toBe(0);
  });

  test('sees the alerts fire, and stay silent, as stowage.test.yml says', () => {
    const { status, stdout, stderr } = promtool('test', 'rules', 'stowage.test.yml');
    expect(status, stdout + stderr).toBe(0);
  });
});
