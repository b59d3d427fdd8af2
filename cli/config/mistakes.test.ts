import { expect, test } from 'vitest';
import { problemLines } from '../../segment-shipper/config-file/config-error.ts';
import { parseYaml } from '../../segment-shipper/config-file/yaml-file.ts';
import { type ConfigInput, resolveConfig } from './config.ts';

const WHOLE = `root: file:///backups
database: orders
segments:
  - content: 0
    host: db0
`;

const linesOf = (text: string, more: Partial<ConfigInput> = {}): string[] => {
  const { problems } = resolveConfig(parseYaml('s.yaml', text), { env: {}, flags: {}, ...more });
  return problemLines(problems);
};
const and = (text: string) => `${WHOLE}${text}\n`;
const instead = (old: string, text: string) => WHOLE.replace(old, text);

/** What an operator gets wrong, and the message: place, field, and what to write instead. */
const MISTAKES: readonly [what: string, text: string, message: string][] = [
  ['a misspelt field', and('clustr: x'), '6:1: unknown field clustr (did you mean cluster?)'],
  [
    'a misspelt field of a section',
    and('shippers:\n  worker: 2'),
    '7:3: unknown field shippers.worker (did you mean shippers.workers?)',
  ],
  [
    'a field outside its section',
    and('workers: 2'),
    '6:1: unknown field workers (did you mean shippers.workers?)',
  ],
  [
    'another way to write a name',
    and('backup:\n  zstd_level: 2'),
    '7:3: unknown field backup.zstd_level (did you mean backup.zstdLevel?)',
  ],
  [
    'a misspelt field of a list',
    and('  - {content: 1, host: b, prot: 1}'),
    '6:27: unknown field segments[1].prot (did you mean segments[1].port?)',
  ],
  [
    'a field that does not exist',
    and('connection:\n  schema: x'),
    '7:3: unknown field connection.schema. Remove it, or use one of user, sslmode, sslrootcert, sslcert, sslkey, binDir',
  ],
  [
    'a missing field',
    instead('database: orders\n', ''),
    '1:1: database is missing: add `database: …`',
  ],
  [
    'a missing field of a list',
    instead('    host: db0\n', ''),
    '4:5: segments[0].host is missing: add `host: …`',
  ],
  [
    'a number that is too large',
    and('backup:\n  zstdLevel: 99'),
    '7:14: backup.zstdLevel must be at most 19, not 99',
  ],
  [
    'a size with a unit that does not exist',
    and('backup: {packBytes: 200XB}'),
    '6:21: backup.packBytes must be a number of bytes, or a size such as 200MB or 4MiB, not "200XB"',
  ],
  [
    'a time without a unit of time',
    and('stallSeconds: soon'),
    '6:15: stallSeconds must be a number of seconds, or a time such as 90s, 10min, 12h or 7d, not "soon"',
  ],
  [
    'a text where a number must be',
    instead('content: 0', 'content: zero'),
    '4:14: segments[0].content must be a number, not "zero"',
  ],
  [
    'a text where true or false must be',
    and('backup:\n  carry: maybe'),
    '7:10: backup.carry must be true or false, not "maybe"',
  ],
  [
    'a text where a section must be',
    and('backup: daily'),
    '6:9: backup must be a mapping, not "daily"',
  ],
  [
    'a value that is not among the allowed',
    and('functions: inlin'),
    '6:12: functions must be one of "inline", "events", not "inlin"',
  ],
  [
    'a word where a list must be',
    and('databases: none'),
    '6:12: databases must be "all", or a list, not "none"',
  ],
  [
    'a duration as people say it',
    and('retention:\n  keepWithin: 3 days'),
    '7:15: retention.keepWithin must be a duration such as 12h, 7d, 2w, 6m, 1y or 1y6m, not "3 days"',
  ],
  [
    'a root that is a path',
    instead('file:///backups', '/mnt/backups'),
    '1:7: root must start with file:/// or s3://bucket, not "/mnt/backups"',
  ],
  [
    'an endpoint without http://',
    and('storage:\n  endpoint: ceph:8000'),
    '7:13: storage.endpoint must be a URL, not "ceph:8000"',
  ],
  [
    'a field of another flavour',
    and('coordinator: {host: x}'),
    '6:14: coordinator is for flavour greenplum only; with shards, list the coordinator as a segment with content -1',
  ],
  [
    'a pattern that is none',
    and('backup:\n  includeTables: [a..b]'),
    '7:19: backup.includeTables[0] must be a pattern (schema, schema.table, "a.b".c or sch*), not "a..b"',
  ],
  ['a field that is given twice', and('database: b'), '6:1: is not YAML: Map keys must be unique'],
  ['a tab', and('backup:\n\tcarry: true'), '7:1: is not YAML: Tabs are not allowed as indentation'],
  ['a list instead of fields', '- root\n', '1:1: must be a YAML mapping (field: value)'],
];

test.each(MISTAKES)(
  '%s is named with its line, its field, and what to write',
  (_, text, message) => {
    expect(linesOf(text)[0]).toBe(`s.yaml:${message}`);
  },
);

test('the line of the file is quoted, with a mark below the column', () => {
  expect(linesOf(and('shippers:\n  worker: 2')).slice(1)).toEqual([
    '  7 |   worker: 2',
    '    |   ^',
  ]);
});

test('all mistakes are named at once, and a misspelt field before the one that it leaves missing', () => {
  const lines = linesOf(`${instead('database', 'databse')}stallSecond: 5\nfunctions: no\n`);
  expect(lines.filter((line) => line.startsWith('s.yaml'))).toEqual(
    [
      's.yaml:7:12: functions must be one of "inline", "events", not false',
      's.yaml:2:1: unknown field databse (did you mean database?)',
      's.yaml:6:1: unknown field stallSecond (did you mean stallSeconds?)',
      's.yaml:1:1: database is missing: add `database: …`',
    ].map((line) => line.replace('not false', 'not "no"')),
  );
});

test('a wrong value is named with the variable or flag that it came from', () => {
  const env = { STOWAGE_WORKERS: 'many' };
  expect(linesOf(WHOLE, { env })).toEqual([
    'environment variable STOWAGE_WORKERS: shippers.workers must be a number, not "many"',
  ]);
  const flags = { 'backup.zstdLevel': 99 };
  expect(linesOf(WHOLE, { flags })).toEqual([
    'flag --zstd-level: backup.zstdLevel must be at most 19, not 99',
  ]);
  expect(linesOf(WHOLE, { flags: { 'backup.tags': ['a b'] } })).toEqual([
    'flag --tag: backup.tags[0] must be of letters, digits, _, . and -, not "a b"',
  ]);
});

test.each([
  'storage:\n  secretAccessKey: sekrit',
  'storage: {endpiont: "http://u:sekrit@h", region: 1}',
  'storage: {regoin: x, secret_key: sekrit word, other: 1}',
  'root2: s3://key:sekrit@bucket/x',
  '"passphrase": "sekrit',
])('no line quotes the secret of %j', (text) => {
  const lines = linesOf(and(text)).join('\n');
  expect(lines).not.toContain('sekrit');
  expect(lines).toMatch(/s\.yaml:[67]:/);
});

test('sizes and times with units are the numbers of their fields', () => {
  const text = `backup: {packBytes: 200MB, frameBytes: 4MiB, lockTimeoutMs: 2s, overdueAfterSeconds: 2h}
stallSeconds: 3min
storage: {stallMs: 90s, throttleMinutes: 0.5h}
shippers: {maxRateBytes: 1.5GiB}
retention: {graceHours: 2d, lockDays: 2w}`;
  const { config } = resolveConfig(parseYaml('s.yaml', and(text)), { env: {}, flags: {} });
  expect(config).toMatchObject({
    backup: {
      packBytes: 2e8,
      frameBytes: 4_194_304,
      lockTimeoutMs: 2000,
      overdueAfterSeconds: 7200,
    },
    stallSeconds: 180,
    storage: { stallMs: 90_000, throttleMinutes: 30 },
    shippers: { maxRateBytes: 1_610_612_736 },
    retention: { graceHours: 48, lockDays: 14 },
  });
});

test('every value has its origin: line of the file, variable, flag', () => {
  const { sources } = resolveConfig(parseYaml('s.yaml', WHOLE), {
    env: { PGUSER: 'backup' },
    flags: { root: 'file:///other' },
  });
  expect(sources.get('segments[0].host')).toEqual({ source: 'file', name: 's.yaml', line: 5 });
  expect(sources.get('connection.user')).toMatchObject({ source: 'environment', name: 'PGUSER' });
  expect(sources.get('root')).toEqual({ source: 'flag', name: '--root' });
});
