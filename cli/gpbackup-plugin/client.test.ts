import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { TOOL } from '../../backup-set/base/tool.ts';

const CLIENT = new URL('../../infra/launch/stowage-gpbackup-plugin', import.meta.url);

test('the client for gpbackup has the version of the program that it starts', async () => {
  const [, version] = /^VERSION=(.+)$/m.exec(await readFile(CLIENT, 'utf8')) ?? [];
  expect(`stowage ${version}`).toBe(TOOL);
});
