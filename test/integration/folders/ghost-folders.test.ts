import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { readNewestSets } from '../../../cli/cluster/newest-set.ts';
import { checkSealedVerdicts } from '../../../cli/doctor/sealed-verdicts.ts';
import { haveFunctionsAnswered } from '../../../cli/functions-seen.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { planDeletion } from '../../../functions/sets/delete.ts';
import { describeSet, requireSet } from '../../../functions/sets/status.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { hasOpenTask } from '../../../functions/tasks/tasks.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { fileOf, freshDeps, later, verdictsOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';

const SET = '20260131010203';
/** Newer than the set, and more than any check looks at. */
const GHOSTS = Array.from({ length: 25 }, (_, at) => `202602010102${10 + at}`);
const TASK = `20260201010203000-${SET}-replicate`;

/** A store that also lists folders without objects, as MinIO and SeaweedFS do after a delete. */
function withGhosts(deps: Deps, prefixes: readonly string[]): Deps {
  const { store } = deps;
  const listPrefixes: ObjectStore['listPrefixes'] = async function* (prefix, options) {
    const real = await Array.fromAsync(store.listPrefixes(prefix, options));
    const invented = prefixes
      .filter((ghost) => ghost.startsWith(prefix) && ghost.length > prefix.length)
      .map((ghost) => ghost.slice(prefix.length).replace(/\/.*/s, '/'));
    yield* [...new Set([...real, ...invented])].sort();
  };
  return { ...deps, store: { ...store, listPrefixes } };
}

const ghosts = [...GHOSTS.map(setPrefix), `tasks/${TASK}/`, 'restores/20260201010203000-0a1b2c3d/'];

async function committed(): Promise<Deps> {
  const deps = withGhosts(await freshDeps(), ghosts);
  const set = await storeObjects(deps.store, { timestamp: SET });
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, SET);
  return deps;
}

describe('a folder that the store lists, and that has no plan, receipt or manifest', () => {
  it('is no set: it is not listed, not described, not found, and cannot be copied or deleted', async () => {
    const deps = await committed();
    const [ghost = ''] = GHOSTS;
    expect(await describeSet(deps, ghost)).toBeUndefined();
    expect(await describeSet(deps, SET)).toMatchObject({ status: 'complete' });
    const notFound = { code: 'set/not-found' };
    await expect(requireSet(deps, ghost)).rejects.toMatchObject(notFound);
    await expect(validate(deps, ghost)).rejects.toMatchObject(notFound);
    await expect(planDeletion(deps, ghost)).rejects.toMatchObject(notFound);
    await expect(copySet(deps, await freshDeps(), ghost)).rejects.toMatchObject(notFound);
  });

  it('is not swept: it is not counted, is never overdue, and gets no verdict', async () => {
    const deps = await committed();
    // A pack that a deletion has left shows no set either.
    const [ghost = ''] = GHOSTS;
    const shipment = { content: 0, attempt: 1, worker: 1, sequence: 1 };
    const pack = formatKey({ kind: 'pack', timestamp: ghost, ...shipment });
    await deps.store.create(pack, Buffer.from('left'));
    const report = await sweep(later(deps, 2 * 3600_000));
    expect(report).toMatchObject({
      sets: 1,
      statuses: { open: 0, complete: 1, incomplete: 0, damaged: 0 },
      overdue: [],
      problems: [],
    });
    expect((await verdictsOf(deps.store)).map(({ timestamp }) => timestamp)).toEqual([SET]);
  });

  it('does not hide older sets from a backup, from a wait for functions and from doctor', async () => {
    const deps = await committed();
    expect(await readNewestSets(deps, 'places')).toMatchObject({
      ofDatabase: { timestamp: SET },
    });
    expect(await haveFunctionsAnswered(deps)).toBe(false);
    expect(await checkSealedVerdicts(later(deps, 3600_000))).toMatchObject({
      ok: false,
      detail: expect.stringContaining(SET) as string,
    });
    await validate(deps, SET);
    expect(await haveFunctionsAnswered(deps)).toBe(true);
  });

  it('is no open task', async () => {
    expect(await hasOpenTask(await committed(), SET, 'replicate')).toBe(false);
  });

  it('costs a complete set no request', async () => {
    const deps = await committed();
    await sweep(deps);
    const calls: string[] = [];
    const noted = (call: string, key: string) => {
      calls.push(`${call} ${key}`);
      return key;
    };
    const counting: ObjectStore = {
      ...deps.store,
      head: (key, options) => deps.store.head(noted('head', key), options),
      read: (key, options) => deps.store.read(noted('read', key), options),
      list: (key, options) => deps.store.list(noted('list', key), options),
    };
    await describeSet({ ...deps, store: counting }, SET);
    // The marks of retention cost one list (docs/design/0024-expiry.md).
    const [marks, ...others] = calls;
    expect(marks).toMatch(/^list sets\/\d+\/\d+\/retention\/$/);
    expect(others).toHaveLength(3);
    expect(others[0]).toBe(`read ${formatKey({ kind: 'manifest', timestamp: SET })}`);
  });
});

it('empty directories that a deletion has left are no sets', async () => {
  const deps = await freshDeps();
  for (const name of ['data/0', 'receipts'])
    await mkdir(fileOf(deps.store, `${setPrefix(SET)}${name}`), { recursive: true });
  expect(await sweep(deps)).toMatchObject({ sets: 0 });
  expect(await describeSet(deps, SET)).toBeUndefined();
  const pack = fileOf(deps.store, `${setPrefix(SET)}data/0/1-1-000001.pack`);
  await mkdir(dirname(pack), { recursive: true });
  await writeFile(pack, 'left');
  expect(await sweep(deps)).toMatchObject({ sets: 0, overdue: [] });
  expect(await describeSet(deps, SET)).toBeUndefined();
});
