import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapInFlight } from '../../../async/each-in-flight.ts';
import { STOWAGE } from '../../support/programs/programs.ts';

/** What operators type wrong; the message names the flag or argument, and what to write. */
const LINES: readonly [line: string, message: string][] = [
  ['bakcup', "unknown command 'bakcup' (Did you mean backup?)"],
  ['list --statsu damaged', "unknown option '--statsu' (Did you mean --status?)"],
  [
    'list --status good',
    '--status takes one of complete, incomplete, damaged, open, expired, unknown',
  ],
  ['list --since monday', '--since takes a UTC time such as 2026-11-20, 2026-11-20T03:00 or a'],
  ['list --last many', '--last takes a whole number, not "many"'],
  ['list backups', "'backups' is invalid for argument 'what'. Allowed choices are sets, restores"],
  [
    'list --root ftp://x',
    'flag --root: root must start with file:/// or s3://bucket, not "ftp://x"',
  ],
  ['list --log-level loud', "argument 'loud' is invalid. Allowed choices are debug, info"],
  ['show', "missing required argument 'set'"],
  [
    'show yesterday',
    '"yesterday" does not name a set: use the 14 digits that `stowage list` prints',
  ],
  ['show latest x', "too many arguments for 'show'. Expected 1 argument but got 2"],
  ['copy 20260101000000', 'copy needs --to ROOT'],
  ['backup --workers many', '--workers takes a whole number, not "many"'],
  ['backup --workers 99', 'flag --workers: shippers.workers must be at most 64, not 99'],
  ['backup --max-rate fast', '--max-rate takes a number and a unit (B, kB, MB, GB'],
  ['backup --wait soon', '--wait takes a number of seconds, or a time such as 90s, 10min'],
  ['backup --tag a/b', 'flag --tag: backup.tags[0] must be of letters, digits, _, . and -'],
  ['backup --include-table a..b', '--include-table: "a..b" is not a pattern; write schema, schema'],
  ['restore latest --create --truncate', 'use --create or --truncate, not both'],
  ['restore latest --create --map 0=x', '--map takes contents of the set, =, and a content of the'],
  [
    'restore --resume 12',
    '"12" is not the id of a restore: --resume takes the id that the restore',
  ],
];

let [folder, config] = ['', ''];
let answers: { code: number; out: string; err: string }[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lines-'));
  config = join(folder, 'stowage.yaml');
  const root = `file://${folder}/root`;
  await writeFile(config, `root: ${root}\ndatabase: d\nsegments: [{content: 0, host: h}]\n`);
  answers = await mapInFlight(LINES, 4, ([line]) => answerTo(line.split(' ')));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function answerTo(args: readonly string[]): Promise<(typeof answers)[number]> {
  const env = { PATH: process.env['PATH'], STOWAGE_CONFIG: config };
  return new Promise((resolve) => {
    execFile(process.execPath, [STOWAGE, ...args], { env }, (error, out, err) => {
      resolve({ code: Number(error?.code ?? 0), out, err });
    });
  });
}

test.each(LINES.map(([line, message], at) => ({ line, message, at })))(
  'stowage $line is refused, and the message says what to write',
  ({ message, at }) => {
    const { code, out, err } = answers[at] ?? { code: 0, out: '', err: '' };
    const [first, second] = err.split('\n');
    expect(first).toContain(message);
    expect(second).toMatch(/^ {2}(?:usage|config)\/\w+: /);
    expect([code, out]).toEqual([2, '']);
    expect(err).not.toContain('    at ');
  },
);

test.each([[['help', 'list']], [['config', '--json']]])(
  '%j into a full disk ends with exit code 1 and one line',
  async (args) => {
    const full = await open('/dev/full', 'w');
    const env = { PATH: process.env['PATH'], STOWAGE_CONFIG: config };
    const { status, stderr } = spawnSync(process.execPath, [STOWAGE, ...args], {
      env,
      stdio: ['ignore', full.fd, 'pipe'],
      encoding: 'utf8',
    });
    await full.close();
    expect(stderr).toBe('stowage: stopped: standard output cannot be written (ENOSPC)\n');
    expect(status).toBe(1);
  },
);

test('help and help COMMAND print the help on standard output', async () => {
  const [all, one] = await Promise.all([answerTo(['help']), answerTo(['help', 'list'])]);
  expect([all?.code, one?.code]).toEqual([0, 0]);
  expect(all?.out).toMatch(/^Usage: stowage \[options\]/);
  expect(one?.out).toMatch(/^Usage: stowage list /);
});

test('a missing argument is named with the usage of the command', () => {
  const at = LINES.findIndex(([line]) => line === 'show');
  expect(answers[at]?.err).toContain('stowage show [options] <set>');
});
