import { expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { ClusterCommand } from '../../../cli/command.ts';
import { showCommand } from '../../../cli/commands/show.ts';
import { listCommand } from '../../../cli/list/command.ts';
import { findCommand } from '../../../cli/looking-back/find.ts';
import { historyCommand } from '../../../cli/looking-back/history.ts';
import { logCommand } from '../../../cli/looking-back/log.ts';
import { statusCommand } from '../../../cli/status/command.ts';
import { listMarks, writeMark } from '../../../functions/retention/marks.ts';
import { verdictKeys } from '../../../functions/stored/load.ts';
import { storeRequest } from '../functions/restores.ts';
import { MIDDLE, NEWEST, OLDEST, type World, world } from './world.ts';

/** Commands that look at everything under a root: one object must not hide the others. */

const manifestOf = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });
const RESTORES = ['20260203000000000-0123abcd', '20260203000001000-0123abcd'] as const;
const MALFORMED = [
  ['no JSON', 'not JSON'],
  ['wrong fields', '{"format":"stowage/verdict","version":1}'],
  ['300 MB', Buffer.alloc(300 * 1024 * 1024)],
] as const;

const newestVerdictOf = async ({ deps }: World, timestamp: string) =>
  (await verdictKeys(deps, timestamp)).at(-1) ?? '';

test('list shows a set whose manifest or verdict is withheld as unknown, and the others', async () => {
  const at = await world();
  const verdict = await newestVerdictOf(at, OLDEST);
  at.withhold(manifestOf(MIDDLE), verdict);
  const { code, text, json } = await at.run(listCommand);
  expect(json['sets']).toMatchObject([
    { timestamp: NEWEST, status: 'complete', database: 'places' },
    { timestamp: MIDDLE, status: 'unknown', unreadable: expect.stringContaining('403') },
    { timestamp: OLDEST, status: 'unknown' },
  ]);
  expect(json['unreadable']).toMatchObject([
    { object: manifestOf(MIDDLE), code: 'storage/denied' },
    { object: verdict },
  ]);
  expect(text).toContain(`2 objects could not be read:`);
  expect(text).toContain(manifestOf(MIDDLE));
  expect(code).toBe(3);
});

test.each(MALFORMED)('list names a verdict that is malformed (%s)', async (_, bytes) => {
  const at = await world();
  const verdict = await newestVerdictOf(at, MIDDLE);
  at.plant(verdict, bytes);
  const { code, text, json } = await at.run(listCommand);
  // The verdict may have found damage: an older one that is good says nothing.
  expect(json['sets']).toMatchObject([
    { timestamp: NEWEST, status: 'complete' },
    { timestamp: MIDDLE, status: 'unknown', unreadable: expect.stringContaining(verdict) },
    { timestamp: OLDEST, status: 'complete' },
  ]);
  expect(text).toContain(verdict);
  expect(code).toBe(3);
});

test('list names a mark that is malformed or withheld, and the set stays held', async () => {
  const at = await world();
  for (const timestamp of [OLDEST, MIDDLE]) await writeMark(at.deps, timestamp, 'held', 'an audit');
  const markOf = async (timestamp: string) => {
    const [{ instant = '' } = {}] = await listMarks(at.deps, timestamp);
    return formatKey({ kind: 'retention', timestamp, instant, what: 'held' });
  };
  at.withhold(await markOf(OLDEST));
  at.plant(await markOf(MIDDLE), '{}');
  const { code, text, json } = await at.run(listCommand);
  expect(json['sets']).toMatchObject([
    { timestamp: NEWEST },
    { timestamp: MIDDLE, status: 'complete', retention: { state: 'living' } },
    { timestamp: OLDEST, status: 'complete', retention: { state: 'living' } },
  ]);
  expect(text).toContain(await markOf(OLDEST));
  expect(text).toContain(await markOf(MIDDLE));
  expect(code).toBe(3);
});

test.each([
  ['find', findCommand, ['*.*']],
  ['history', historyCommand, ['*.*']],
] as [string, ClusterCommand, string[]][])(
  '%s names a set whose manifest is withheld, and looks into the others',
  async (_, command, positional) => {
    const at = await world();
    at.withhold(manifestOf(MIDDLE));
    const { code, text, json } = await at.run(command, {}, positional);
    expect(json['skipped']).toMatchObject([
      { timestamp: MIDDLE, why: 'unreadable', message: expect.stringContaining('403') },
    ]);
    expect(JSON.stringify(json)).toContain(OLDEST);
    expect(text).toContain(manifestOf(MIDDLE));
    expect(code).toBe(3);
  },
);

test('find says that the status of a set with a withheld verdict is not known', async () => {
  const at = await world();
  const verdict = await newestVerdictOf(at, MIDDLE);
  at.withhold(verdict);
  const { code, text, json } = await at.run(findCommand, {}, ['*.*']);
  expect(json['sets']).toMatchObject([
    { timestamp: NEWEST, status: 'complete' },
    { timestamp: MIDDLE, status: 'unknown' },
    { timestamp: OLDEST, status: 'complete' },
  ]);
  expect(text).toContain(verdict);
  expect(code).toBe(3);
});

test('log has an entry for each withheld document, and those of all others', async () => {
  const at = await world();
  for (const id of RESTORES)
    await storeRequest(at.deps.store, { timestamp: NEWEST, contents: [0] }, id);
  const hidden = formatKey({ kind: 'restore-request', restore: RESTORES[0] });
  at.withhold(manifestOf(MIDDLE), hidden);
  const { code, json } = await at.run(logCommand, { all: true });
  const entries = json['entries'] as { what: string; set?: string; object: string }[];
  expect(entries.filter(({ what }) => what === 'backup-complete')).toHaveLength(2);
  expect(entries.filter((one) => 'unreadable' in one).map(({ object }) => object)).toEqual([
    manifestOf(MIDDLE),
    hidden,
  ]);
  expect(entries.filter(({ what }) => what === 'restore-requested')).toHaveLength(2);
  expect(code).toBe(3);
});

test('list restores shows a restore whose request is withheld as unreadable, and the others', async () => {
  const at = await world([NEWEST]);
  for (const id of RESTORES)
    await storeRequest(at.deps.store, { timestamp: NEWEST, contents: [0] }, id);
  at.withhold(formatKey({ kind: 'restore-request', restore: RESTORES[0] }));
  const { code, text, json } = await at.run(listCommand, {}, ['restores']);
  expect(json['restores']).toMatchObject([
    { restore: RESTORES[1], status: 'open', database: 'places' },
    { restore: RESTORES[0], status: 'unreadable' },
  ]);
  expect(text).toContain(formatKey({ kind: 'restore-request', restore: RESTORES[0] }));
  expect(code).toBe(3);
});

test('status names a withheld object, and tells of the other sets', async () => {
  const at = await world();
  at.withhold(manifestOf(NEWEST));
  const { code, text, json } = await at.run(statusCommand);
  expect(json['newestComplete']).toMatchObject({ timestamp: MIDDLE });
  expect(json['attention']).toMatchObject([{ code: 'unreadable' }]);
  expect(text).toContain(manifestOf(NEWEST));
  expect(code).toBe(3);
});

test('show names a malformed verdict, and latest passes a withheld set over with its name', async () => {
  const at = await world();
  const verdict = await newestVerdictOf(at, MIDDLE);
  at.plant(verdict, 'not JSON');
  at.withhold(manifestOf(NEWEST));
  const latest = await at.run(showCommand, {}, ['latest']);
  expect(latest.json).toMatchObject({ timestamp: OLDEST, status: 'complete' });
  const { code, text, json } = await at.run(showCommand, {}, [MIDDLE]);
  expect(json).toMatchObject({ status: 'unknown', unreadable: [{ object: verdict }] });
  expect(text).toContain(verdict);
  expect(code).toBe(3);
  await expect(at.run(showCommand, {}, [NEWEST])).rejects.toMatchObject({
    code: 'storage/denied',
    message: expect.stringContaining(manifestOf(NEWEST)),
  });
});
