import { expect, test } from 'vitest';
import { parseName } from './names.ts';

const TS = '20261129015112';

test.each([
  [`gp_dump_1_1_${TS}.gz`, { kind: 'dump', content: 1, dbid: 1, isGzip: true, hasNewName: false }],
  [`gp_dump_0_3_${TS}`, { kind: 'dump', content: 0, dbid: 3, isGzip: false }],
  [`gp_dump_-1_1_${TS}_post_data.gz`, { kind: 'post_data', content: -1, hasNewName: true }],
  [`nightly_gp_dump_1_3_${TS}.gz`, { kind: 'dump', prefix: 'nightly_', content: 1, dbid: 3 }],
  [`gp_dump_status_0_2_${TS}`, { kind: 'status', dbid: 2 }],
  [`gp_dump_${TS}.rpt`, { kind: 'report' }],
  [`gp_dump_${TS}_dirty_list`, { kind: 'dirty_list' }],
  [`gp_dump_${TS}_ao_state_file`, { kind: 'other' }],
  [`nightly_gp_dump_${TS}_filter`, { kind: 'other', prefix: 'nightly_' }],
  [`gp_cdatabase_1_1_${TS}`, { kind: 'cdatabase', dbid: 1 }],
  [`gp_global_-1_1_${TS}`, { kind: 'globals', hasNewName: true }],
])('%s is recognized', (name, parsed) => {
  expect(parseName(name)).toMatchObject({ timestamp: TS, ...parsed });
});

test.each(['gp_dump_1_1_2026.gz', 'backup.sql', `gp_restore_${TS}_plan`])(
  '%s is no file of a set',
  (name) => {
    expect(parseName(name)).toBeUndefined();
  },
);
