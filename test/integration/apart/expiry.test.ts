import { expect, test } from 'vitest';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import { expireCommand } from '../../../cli/commands/expire.ts';
import { planRestore } from '../../../functions/handlers/plan-restore.ts';
import { removeLeftovers } from '../../../functions/retention/leftovers.ts';
import { listMarks, writeMark } from '../../../functions/retention/marks.ts';
import { planDeletion } from '../../../functions/sets/delete.ts';
import { verdictKeys } from '../../../functions/stored/load.ts';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { keysOf } from '../functions/place.ts';
import { storeRequest } from '../functions/restores.ts';
import { backUpFiles } from '../retention/file-sets.ts';
import { backUp, expire, leftOf } from '../retention/world.ts';
import { MIDDLE, NEWEST, OLDEST, type World, world } from './world.ts';

/** Expiry by `keepLast: 1` without grace: one object must stop no more than what it decides. */

const OTHER = '20260130010203';
const RESTORE = '20260203000000000-0123abcd';
const manifestOf = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });
const newestVerdictOf = async ({ deps }: World, timestamp: string) =>
  (await verdictKeys(deps, timestamp)).at(-1) ?? '';
const isGone = async ({ deps }: World, timestamp: string) =>
  (await keysOf(deps.store, setPrefix(timestamp))).length === 0;
const packsOf = async ({ deps }: World, timestamp: string) =>
  (await leftOf(deps, timestamp)).filter((key) => key.endsWith('.pack'));
const DAMAGED = { status: 'damaged', checked: { objects: 0, bytes: 0 }, problems: [] } as const;

test.each(['manifest', 'verdict'])(
  'a set whose %s is withheld stays and takes the place of no other, and the others expire',
  async (what) => {
    const at = await world();
    const object = what === 'manifest' ? manifestOf(NEWEST) : await newestVerdictOf(at, NEWEST);
    at.withhold(object);
    const { removed, problems } = await expire(at.deps);
    expect(removed.map(({ timestamp }) => timestamp)).toEqual([OLDEST]);
    expect(problems).toEqual([{ timestamp: NEWEST, message: expect.stringContaining(object) }]);
    at.strict.rules.withheld = undefined;
    expect(await leftOf(at.deps, MIDDLE)).toContain('manifest.json');
    expect(await leftOf(at.deps, NEWEST)).toContain('manifest.json');
  },
);

test('a set whose newest verdict is malformed takes the place of no other', async () => {
  const at = await world();
  // It had found damage. What it says now is not known.
  const { key } = await writeVerdict(at.deps, NEWEST, 'verify', { ...DAMAGED, problemsTotal: 1 });
  at.plant(key, '{"format":"stowage/verdict"');
  const { removed, problems } = await expire(at.deps);
  expect(removed.map(({ timestamp }) => timestamp)).toEqual([OLDEST]);
  expect(problems).toMatchObject([{ timestamp: NEWEST }]);
  expect(await leftOf(at.deps, MIDDLE)).toContain('manifest.json');
});

test('a withheld end of a tombstone keeps its set, and the others expire', async () => {
  const at = await world();
  const tombstone = await writeMark(at.deps, OLDEST, 'expired', 'a test');
  const ended = {
    kind: 'retention',
    timestamp: OLDEST,
    instant: tombstone,
    what: 'ended',
  } as const;
  const mark = { format: 'stowage/retention', version: 1, timestamp: OLDEST, what: 'ended' };
  const more = { at: new Date().toISOString(), by: 'test', as: 'unexpired' };
  at.plant(formatKey(ended), JSON.stringify({ ...mark, ...more }));
  at.withhold(formatKey(ended));
  const { removed, problems } = await expire(at.deps);
  expect(removed.map(({ timestamp }) => timestamp)).toEqual([MIDDLE]);
  expect(problems).toMatchObject([{ timestamp: OLDEST }]);
  expect(await leftOf(at.deps, OLDEST)).toContain('manifest.json');
});

test('a withheld list of needed packs keeps all packs of the sets that it is about', async () => {
  const at = await world([OTHER, OLDEST]);
  await backUp(at.deps, NEWEST, OLDEST);
  at.withhold(formatKey({ kind: 'needs', timestamp: NEWEST }));
  const { removed } = await expire(at.deps);
  expect(removed.map(({ timestamp }) => timestamp)).toEqual([OTHER, OLDEST]);
  expect(await isGone(at, OTHER)).toBe(true);
  expect(await packsOf(at, OLDEST)).toHaveLength(2);
});

test('a damaged list of needed packs is named, and the command says 3', async () => {
  const at = await world([OLDEST]);
  await backUp(at.deps, NEWEST, OLDEST);
  const list = formatKey({ kind: 'needs', timestamp: NEWEST });
  at.plant(list, 'not JSON');
  const { code, text } = await at.run(expireCommand, { yes: true });
  expect(text).toContain(`${list} is missing or damaged`);
  expect(code).toBe(3);
});

test('a withheld manifest keeps the packs of all older sets, which it may need', async () => {
  const at = await world([OTHER, OLDEST]);
  await backUp(at.deps, NEWEST, OTHER);
  at.withhold(manifestOf(NEWEST));
  await expire(at.deps);
  expect(await packsOf(at, OTHER)).toHaveLength(2);
});

test('a restore whose request is withheld protects the set of its plan, and no other', async () => {
  const at = await world();
  await storeRequest(at.deps.store, { timestamp: OLDEST, contents: [0] }, RESTORE);
  await planRestore(at.deps, RESTORE);
  at.withhold(formatKey({ kind: 'restore-request', restore: RESTORE }));
  const { removed } = await expire(at.deps);
  expect(removed.map(({ timestamp }) => timestamp)).toEqual([MIDDLE]);
});

test('a restore of which neither request nor plan can be read protects every older set', async () => {
  const at = await world();
  await storeRequest(at.deps.store, { timestamp: OLDEST, contents: [0] }, RESTORE);
  await planRestore(at.deps, RESTORE);
  at.plant(formatKey({ kind: 'restore-request', restore: RESTORE }), 'not JSON');
  at.withhold(formatKey({ kind: 'restore-plan', restore: RESTORE }));
  const { code, text, json } = await at.run(expireCommand, { yes: true });
  expect(json).toMatchObject({ expired: [], removed: [] });
  expect(text).toContain(formatKey({ kind: 'restore-plan', restore: RESTORE }));
  expect(code).toBe(3);
});

test('a pack that cannot be deleted keeps no other set from its removal, and is tried again', async () => {
  const at = await world();
  const [pack = ''] = await packsOf(at, OLDEST);
  at.strict.rules.undeletable = (key) => key.endsWith(`${setPrefix(OLDEST)}${pack}`);
  const { code, text } = await at.run(expireCommand, { yes: true });
  expect(await isGone(at, MIDDLE)).toBe(true);
  expect(text).toContain(`not done: set ${OLDEST}:`);
  expect(code).toBe(3);
  at.strict.rules.undeletable = undefined;
  await expire(at.deps);
  expect(await isGone(at, OLDEST)).toBe(true);
});

test('a manifest that cannot be deleted keeps the packs that its set needs of other sets', async () => {
  const at = await world([OTHER]);
  await backUp(at.deps, OLDEST, OTHER);
  await backUp(at.deps, NEWEST);
  at.strict.rules.undeletable = (key) => key.endsWith(manifestOf(OLDEST));
  const { problems } = await expire(at.deps);
  expect(problems).toMatchObject([{ timestamp: OLDEST }]);
  expect(await packsOf(at, OTHER)).toHaveLength(2);
  at.strict.rules.undeletable = undefined;
  await expire(at.deps);
  expect(await isGone(at, OTHER)).toBe(true);
});

test('expire without --yes names what it could not read', async () => {
  const at = await world();
  at.withhold(await newestVerdictOf(at, MIDDLE));
  const { code, text, json } = await at.run(expireCommand);
  expect(json['sets']).toMatchObject([
    { timestamp: NEWEST, keptBy: ['newest complete set', 'keepLast'] },
    { timestamp: MIDDLE, status: 'unknown', unreadable: expect.stringContaining('403') },
    { timestamp: OLDEST, keptBy: [] },
  ]);
  expect(text).toContain(await newestVerdictOf(at, MIDDLE));
  expect(code).toBe(3);
});

test('an old document that cannot be deleted keeps the other leftovers from no removal', async () => {
  const at = await world([]);
  const ids = ['20250101000000000-00000000', '20250101000000000-00000001'];
  const [first, second] = ids.map((restore) => formatKey({ kind: 'restore-request', restore }));
  for (const key of [first, second]) {
    at.plant(key ?? '', '{}');
    const object = at.strict.objects.get(`strict/root/${key}`);
    if (object) Object.assign(object, { modifiedAt: new Date('2025-01-01T00:00:00Z') });
  }
  at.strict.rules.undeletable = (key) => key.endsWith(first ?? '');
  const { problems } = await removeLeftovers(at.deps, RetentionRules.parse({}));
  expect(problems).toEqual([expect.stringContaining(ids[0] ?? '')]);
  expect(await keysOf(at.deps.store, 'restores/')).toEqual([first]);
});

test('a set stays held when its mark cannot be read', async () => {
  const at = await world();
  await writeMark(at.deps, OLDEST, 'held', 'an audit');
  const [{ instant = '' } = {}] = await listMarks(at.deps, OLDEST);
  at.withhold(formatKey({ kind: 'retention', timestamp: OLDEST, instant, what: 'held' }));
  const { removed } = await expire(at.deps);
  expect(removed.map(({ timestamp }) => timestamp)).toEqual([MIDDLE]);
});

test('a withheld manifest keeps every older set of files whole, which an increment may need', async () => {
  const at = await world([]);
  await backUpFiles(at.deps, OTHER);
  await backUpFiles(at.deps, OLDEST, [OTHER]);
  await backUpFiles(at.deps, NEWEST);
  const before = await leftOf(at.deps, OTHER);
  at.withhold(manifestOf(OLDEST));
  const { expired, removed } = await expire(at.deps);
  expect({ expired, removed }).toEqual({ expired: [], removed: [] });
  expect(await leftOf(at.deps, OTHER)).toEqual(before);
});

test('a set may be the base of a backup whose plan is withheld, and is not deleted without --force', async () => {
  const at = await world([OLDEST, MIDDLE]);
  await backUp(at.deps, NEWEST, OLDEST);
  await at.deps.store.delete([manifestOf(NEWEST)]);
  at.withhold(formatKey({ kind: 'plan', timestamp: NEWEST }));
  const { refusals } = await planDeletion(at.deps, OLDEST);
  expect(refusals).toMatchObject([
    { code: 'set/needed', message: expect.stringContaining(NEWEST) },
  ]);
});
