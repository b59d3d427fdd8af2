import { expect, test } from 'vitest';
import { requirePlainExport } from './write.ts';

const bucket = { kind: 'bucket', file: 'exports/a/rows.csv', receipt: '', isPlain: false } as const;

test('rows are stored unencrypted beside encrypted sets only when that is asked for', () => {
  expect(() => requirePlainExport(bucket, true)).toThrow(/exports\/a\/rows.csv.*--plain/);
  for (const [place, isEncrypted] of [
    [bucket, false],
    [{ ...bucket, isPlain: true }, true],
    [{ kind: 'stdout' }, true],
    [{ kind: 'file', path: 'rows.csv', overwrite: false }, true],
  ] as const)
    expect(() => requirePlainExport(place, isEncrypted)).not.toThrow();
});
