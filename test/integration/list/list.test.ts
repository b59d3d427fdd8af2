import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import type { Flags } from '../../../cli/command.ts';
import { Config } from '../../../cli/config/schema.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { listCommand } from '../../../cli/list/command.ts';
import { showRestore } from '../../../cli/list/restore.ts';
import { newOutput } from '../../../cli/output/output.ts';
import { widthOf } from '../../../cli/output/table/width.ts';
import type { Deps } from '../../../functions/deps.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { writeMark } from '../../../functions/retention/marks.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { openStore } from '../../../storage/open.ts';
import { storeReceipt, storeRequest } from '../functions/restores.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';

/** The oldest is copied, the second is held, the third has expired, the newest has no seal. */
const SETS = ['20260131010203', '20260131020000', '20260201000000', '20260202030000'] as const;
const NOW = dateOf('20260202060000');
const RESTORE = '20260202010000000-0123abcd';

let [folder, root, replica] = ['', '', ''];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'list-'));
  root = pathToFileURL(join(folder, 'root')).href;
  replica = pathToFileURL(join(folder, 'replica')).href;
  const [store, other] = [await openStore({ root }), await openStore({ root: replica })];
  const deps: Deps = { store, clock: () => NOW, log: pino({ level: 'silent' }) };
  for (const timestamp of SETS) {
    const set = await storeObjects(store, { timestamp, contents: [0, 1] });
    const documents = documentsOf(set);
    await storeAll(store, timestamp === SETS[3] ? documents.slice(0, -1) : documents);
    if (timestamp !== SETS[3]) await stitch(deps, timestamp);
    if (timestamp !== SETS[1]) continue;
    const functions = inProcess(deps);
    await functions.announce(await storeRequest(store, set, RESTORE));
    await functions.idle();
    await functions.announce(await storeReceipt(store, RESTORE, 'verify', 0));
    await functions.idle();
  }
  await copySet(deps, { ...deps, store: other }, SETS[0]);
  await writeMark(deps, SETS[1], 'held', 'before the upgrade');
  await writeMark(deps, SETS[2], 'expired', 'old');
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  readonly columns?: number;
  readonly json?: boolean;
  readonly more?: object;
}

async function withOutput(
  { columns, json = false, more = {} }: Run,
  work: (context: ClusterContext) => Promise<unknown>,
): Promise<string> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const env = columns === undefined ? {} : { COLUMNS: String(columns) };
  const clock = () => NOW;
  const segments = [{ content: 0, host: 'a' }];
  await work({
    env,
    clock,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
    output: newOutput({ out, err }, json, clock, () => undefined, env),
    config: Config.parse({ root, database: 'places', segments, ...more }),
    sources: new Map(),
  });
  return String(out.read());
}

const list = (flags: Flags, run: Run = {}, ...positional: string[]) =>
  withOutput(run, (context) => listCommand.run({ flags, positional, context }));

const timestampsIn = (text: string) => [...text.matchAll(/^\d{14}/gm)].map(([found]) => found);

test('a list shows the sets that live, newest first, with their age, size, holds and copies', async () => {
  const text = await list({}, { more: { replica: { root: replica } } });
  const [head, , ...rows] = text.split('\n');
  expect(head?.split(/ {2,}/)).toEqual(
    'timestamp,age,local time,status,cluster,database,segments,tables,rows,bytes,stored,new,read,sealed after,last check,verified,copies,retention'.split(
      ',',
    ),
  );
  expect(timestampsIn(text)).toEqual([SETS[3], SETS[1], SETS[0]]);
  expect(rows[0]).toMatch(/^\d+ +3h .* open +small +places/);
  expect(rows[1]).toMatch(/ 1 {2}held: before the upgrade$/);
  expect(rows[2]).toMatch(/ complete .* 1,614 .* 2$/);
  expect(text).toContain('1 expired set not listed (--all lists them)');
});

test.each([80, 200])('no line of a list is wider than %d columns', async (columns) => {
  const lines = (await list({ all: true }, { columns })).split('\n');
  expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
  for (const field of ['age', 'status', 'stored', 'new', 'verified', 'retention'])
    expect(lines[0]).toContain(field);
});

test.each<[Flags, number[]]>([
  [{ all: true }, [3, 2, 1, 0]],
  [{ status: ['expired'] }, [2]],
  [{ status: ['open', 'complete'] }, [3, 1, 0]],
  [{ last: '1' }, [3]],
  [{ since: '12h' }, [3]],
  [{ since: '2026-01-31T02:00', before: '2026-02-02' }, [1]],
  [{ database: ['places'], last: '2' }, [3, 1]],
  [{ database: ['other'] }, []],
  [{ cluster: ['small'], tag: ['nightly'] }, []],
])('a list with %j shows the sets that pass all filters', async (flags, wanted) => {
  expect(timestampsIn(await list(flags))).toEqual(wanted.map((at) => SETS[at]));
});

test.each<[Flags, string]>([
  [{ status: ['good'] }, '--status takes one of complete, incomplete, damaged, open, expired'],
  [{ since: 'monday' }, '--since takes a UTC time such as 2026-11-20'],
  [{ last: 'x' }, '--last takes a whole number, not "x"'],
])('a list with %j is refused: %s', async (flags, message) => {
  await expect(list(flags)).rejects.toThrow(message);
});

test('an alternate location that cannot be read does not keep the list from its reader', async () => {
  const broken = join(folder, 'broken');
  await mkdir(broken);
  await symlink('sets', join(broken, 'sets'));
  const more = { replica: { root: pathToFileURL(broken).href } };
  const { sets } = JSON.parse(await list({}, { json: true, more })) as { sets: object[] };
  expect(sets).toHaveLength(3);
  expect(sets[2]).not.toHaveProperty('copies');
  expect(await list({}, { more })).toMatch(/^20260131010203 .* \?$/m);
});

test('the restores under a root are listed, and one is shown with its phases', async () => {
  const text = await list({}, { columns: 80 }, 'restores');
  expect(text).toMatch(new RegExp(`^${RESTORE} +5h +open +${SETS[1]} +places`, 'm'));
  expect(Math.max(...text.split('\n').map(widthOf))).toBeLessThanOrEqual(80);
  const store = await openStore({ root });
  const shown = await withOutput({}, (context) => showRestore(context, store, RESTORE));
  expect(shown).toMatch(/^verify +1 of 2 +0 /m);
  expect(shown).toContain(`\`stowage restore --resume ${RESTORE}\` continues it`);
  const unknown = `${RESTORE.slice(0, -1)}0`;
  const none = withOutput({}, (context) => showRestore(context, store, unknown));
  await expect(none).rejects.toMatchObject({ code: 'restore/not-found' });
});
