import { expect, test } from 'vitest';
import type { HostReport } from './run.ts';
import { textOf } from './text.ts';

const failed = (host: string, code: 'hosts/unreachable'): HostReport => ({
  ...{ host, contents: [0], state: 'failed', error: { code, message: `${host}: refused` } },
});

test('the text says once what to do about each kind of failure', () => {
  const reports = [failed('sdw1', 'hosts/unreachable'), failed('sdw2', 'hosts/unreachable')];
  const text = textOf(reports, 'lib/stowage', true);
  expect(text.match(/hosts\/unreachable: .*by hand/g)).toHaveLength(1);
  expect(text).toMatch(/2 of 2 hosts are not ready/);
});
