import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stowage } from '../../support/cli.ts';
import { readUntil } from '../../support/wait-for.ts';

test('the demo detects a killed shipper and a changed byte, restores an equal cluster, and leaves no files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-demo-test-'));
  try {
    // The servers run as another user.
    await chmod(folder, 0o755);
    const { code, text } = await stowage(['demo'], {
      plain: true,
      fromSource: true,
      env: { TMPDIR: folder },
    });
    for (const words of [
      /shipper of content 2 .* was killed by SIGKILL/,
      /set \d{14} is incomplete/,
      /the object has changed since the backup .*\(etag-differs\)/,
      /sum of all accounts: .*: equal/,
      /the restored cluster equals the original/,
    ])
      expect(text).toMatch(words);
    expect(code).toBe(0);
    // The guards of the servers delete their folders a moment later.
    expect(
      await readUntil(
        () => readdir(folder),
        (left) => left.length === 0,
      ),
    ).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
