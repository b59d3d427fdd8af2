import { describe, expect, test } from 'vitest';
import { TOOL } from '../../../backup-set/base/tool.ts';
import { judgeShippers, type StartedShipper } from './shippers.ts';

const PROGRAMS = [
  { name: 'pg_dump', version: '15.18' },
  { name: 'pg_restore', version: '15.18' },
];
const started = (content: number, more: Partial<StartedShipper> = {}): StartedShipper => ({
  contents: [content],
  tool: TOOL,
  node: 'v24.0.0',
  programs: PROGRAMS,
  ...more,
});
const failed = (content: number, failure: string): StartedShipper => ({
  contents: [content],
  programs: [],
  failure,
});

describe('the checks of started shippers', () => {
  test('are one line for all that run the same programs', () => {
    const other = started(3, { node: 'v25.1.0' });
    expect(judgeShippers([started(0), started(1), started(2), other])).toEqual([
      {
        of: 'cluster',
        name: 'shippers',
        ok: true,
        detail: `contents 0 to 2: ${TOOL}, Node v24.0.0, pg_dump 15.18, pg_restore 15.18`,
      },
      {
        of: 'cluster',
        name: 'shippers',
        ok: true,
        detail: `content 3: ${TOOL}, Node v25.1.0, pg_dump 15.18, pg_restore 15.18`,
      },
    ]);
  });

  test('fail for a shipper of another version, which still starts', () => {
    const checks = judgeShippers([started(0), started(1, { tool: 'stowage 0.0.9' })]);
    expect(checks.filter(({ ok }) => !ok)).toEqual([
      expect.objectContaining({
        detail: expect.stringContaining(`content 1: the shipper is stowage 0.0.9, but this`),
      }),
    ]);
  });

  test('name each content of failures that are alike in one line', () => {
    const why = (content: number) =>
      `the shipper of content ${content} on db${content} exited with code 127 before it reported "done"`;
    const checks = judgeShippers([0, 1, 2, 4].map((content) => failed(content, why(content))));
    expect(checks).toHaveLength(1);
    expect(checks[0]).toMatchObject({ ok: false, detail: `contents 0 to 2, 4: ${why(0)}` });
  });

  test('note a host without a pg_restore that fits the server', () => {
    const programs = [{ name: 'pg_dump', version: '17.1' }, { name: 'pg_restore' }];
    const notes = judgeShippers([started(0, { programs })]).filter(({ remark }) => remark);
    expect(notes).toMatchObject([{ ok: true, detail: expect.stringContaining('no pg_restore') }]);
  });
});
