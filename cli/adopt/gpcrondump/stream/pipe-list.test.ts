import { expect, test } from 'vitest';
import { listedDumps, listedFiles } from './pipe-list.ts';

const TS = '20261129015051';
const line = (host: string, name: string) => `${host}:/data/db_dumps/${name}\n`;
const contentsOf = (text: string) =>
  Object.fromEntries(listedDumps(text, 'list', TS).map(({ name, content }) => [name, content]));

test('segments with old names are numbered by dbid, also behind a failover', () => {
  const text = [
    line('sdw1', `gp_dump_0_10_${TS}.gz`),
    line('sdw2', `gp_dump_0_3_${TS}.gz`),
    line('mdw', `gp_dump_1_1_${TS}.gz`),
    line('mdw', `gp_dump_1_1_${TS}_post_data.gz`),
  ].join('');
  expect(contentsOf(text)).toEqual({
    [`gp_dump_0_10_${TS}.gz`]: 1,
    [`gp_dump_0_3_${TS}.gz`]: 0,
    [`gp_dump_1_1_${TS}.gz`]: -1,
    [`gp_dump_1_1_${TS}_post_data.gz`]: -1,
  });
});

test('new names have the content, and a prefix belongs to the name', () => {
  const text = [
    line('sdw1', `nightly_gp_dump_1_7_${TS}`),
    line('sdw2', `nightly_gp_dump_0_9_${TS}`),
    line('mdw', `nightly_gp_dump_-1_1_${TS}`),
    line('mdw', `nightly_gp_dump_-1_1_${TS}_post_data`),
  ].join('');
  expect(Object.values(contentsOf(text))).toEqual([1, 0, -1, -1]);
});

const MASTER = [
  line('mdw', `gp_dump_-1_1_${TS}`),
  line('mdw', `gp_dump_-1_1_${TS}_post_data`),
].join('');

test.each([
  ['the dump of another set', line('sdw1', 'gp_dump_0_2_20261129015052'), 'is not a dump of set'],
  ['a file that is no dump', line('sdw1', `gp_dump_status_0_2_${TS}`), 'is not a dump of set'],
  ['no segment', MASTER, 'it names no dump of a segment'],
  ['no master', line('sdw1', `gp_dump_0_2_${TS}`), 'one dump and one post_data of the master'],
  [
    'a segment twice',
    MASTER + line('sdw1', `gp_dump_0_2_${TS}`) + line('sdw2', `gp_dump_0_3_${TS}`),
    'two dumps of one segment',
  ],
  ['a line without a host', `/data/gp_dump_0_2_${TS}\n`, 'is not HOST:/path'],
])('a list with %s is refused', (_, text, why) => {
  expect(() => listedDumps(text, 'list', TS)).toThrow(why);
});

test('a host may be an address, and a path may have colons and blanks', () => {
  expect(listedFiles('10.0.0.1:/data/a b:c/x\n', 'list')).toEqual([
    { host: '10.0.0.1', path: '/data/a b:c/x', name: 'x' },
  ]);
});
