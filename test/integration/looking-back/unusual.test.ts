import { rename, writeFile } from 'node:fs/promises';
import type { Context } from 'aws-lambda';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { dayOf } from '../../../backup-set/testing/committed/committed-set.ts';
import { DEFAULT_RULES } from '../../../backup-set/unusual/rules.ts';
import { WARNINGS_MAX, type Warning } from '../../../backup-set/unusual/warnings.ts';
import type { Deps } from '../../../functions/deps.ts';
import { planRestore } from '../../../functions/handlers/plan-restore.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { lookAtSet } from '../../../functions/sets/status.ts';
import { newestVerdict, verdictKeys } from '../../../functions/stored/load.ts';
import { NOTHING_CHECKED, writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { compareWithOlder } from '../../../functions/unusual/compare-with-older.ts';
import { fileOf, freshDeps, keysOf } from '../functions/place.ts';
import { storeRequest } from '../functions/restores.ts';
import { counted, storeSet } from './place.ts';

const table = (rows: number) => [{ schema: 'sales', name: 'orders', rows, bytes: 4000 }];
const manifestOf = (day: number) => formatKey({ kind: 'manifest', timestamp: dayOf(day) });

async function withSets(...rows: readonly number[]): Promise<Deps> {
  const deps = await freshDeps();
  for (const [day, count] of rows.entries())
    await storeSet(deps.store, { timestamp: dayOf(day), tables: table(count) });
  return deps;
}

it('a validation warns about a table that lost rows, and the set stays complete', async () => {
  const deps = await withSets(10_000, 10_000, 5900);
  const { verdict } = await validate(deps, dayOf(2));
  expect(verdict.status).toBe('complete');
  expect(verdict.compared).toEqual({ sets: [dayOf(1), dayOf(0)], tables: 1 });
  expect(verdict.warningsTotal).toBe(1);
  expect(verdict.warnings).toEqual([
    {
      code: 'rows-fewer',
      message: `sales.orders lost 41 % of its rows since set ${dayOf(1)}: 10,000 → 5,900 rows`,
      relation: { schema: 'sales', name: 'orders' },
      since: dayOf(1),
      unit: 'rows',
      was: 10_000,
      is: 5900,
    },
  ]);
});

it('the first set of a database is not compared, and neither is any with `sets: 0`', async () => {
  const deps = await withSets(10_000, 1);
  const first = (await validate(deps, dayOf(0))).verdict;
  expect([first.compared, first.warnings, first.warningsTotal].filter(Boolean)).toEqual([]);
  const off = { ...deps, unusual: { ...DEFAULT_RULES, sets: 0 } };
  expect((await validate(off, dayOf(1))).verdict.warnings).toBeUndefined();
});

it('a set is compared with older sets of the same cluster and database only', async () => {
  const deps = await withSets(10_000);
  const other = { database: 'other', tables: table(5000) };
  await storeSet(deps.store, { timestamp: dayOf(1), ...other });
  await storeSet(deps.store, { timestamp: dayOf(2), cluster: 'other', tables: table(5000) });
  await storeSet(deps.store, { timestamp: dayOf(3), tables: table(10_000) });
  const { verdict } = await validate(deps, dayOf(3));
  expect(verdict.compared?.sets).toEqual([dayOf(0)]);
  expect(verdict.warnings).toBeUndefined();
});

it('an older manifest that cannot be read is a warning, and the others are compared', async () => {
  const deps = await withSets(10_000, 10_000, 100);
  await writeFile(fileOf(deps.store, manifestOf(1)), '{}');
  const { verdict } = await validate(deps, dayOf(2));
  expect(verdict.status).toBe('complete');
  expect(verdict.warnings?.map(({ code, object }) => [code, object])).toEqual([
    ['rows-fewer', undefined],
    ['not-compared', manifestOf(1)],
  ]);
});

it('a store that is slow makes the comparison end, with the older sets that were read', async () => {
  const deps = await withSets(10_000, 10_000, 5900);
  const read: Deps['store']['read'] = (key, options) =>
    key === manifestOf(0)
      ? new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
        })
      : deps.store.read(key, options);
  const manifest = decode(Manifest, {
    key: manifestOf(2),
    bytes: await deps.store.read(manifestOf(2), { bytesMax: 1_000_000 }),
  });
  const slow = { ...deps, store: { ...deps.store, read } };
  const { compared, warnings } = await compareWithOlder(slow, manifest, 500);
  expect(compared?.sets).toEqual([dayOf(1)]);
  expect(warnings.map(({ code }) => code)).toEqual(['rows-fewer', 'not-compared']);
  expect(warnings[1]?.message).toContain('not read within 0.5 s: the set was compared with 1 set');
});

it('a store that rejects the older manifests fails no validation', async () => {
  const deps = await withSets(10_000, 10_000);
  const read: Deps['store']['read'] = (key, options) =>
    key === manifestOf(0)
      ? Promise.reject(new Error('the store says no'))
      : deps.store.read(key, options);
  const { verdict } = await validate({ ...deps, store: { ...deps.store, read } }, dayOf(1));
  expect(verdict.status).toBe('complete');
  expect(verdict.warnings?.map(({ message }) => message)).toEqual([
    'the set was not compared with older sets: the store says no (internal)',
  ]);
});

it('a comparison reads one manifest per older set, up to the configured number', async () => {
  const deps = await withSets(...Array<number>(20).fill(10_000));
  const requestsWith = async (sets: number) => {
    const { store, requests } = counted(deps.store);
    await validate({ ...deps, store, unusual: { ...DEFAULT_RULES, sets } }, dayOf(19));
    return requests();
  };
  // A LIST of the days; per older set a LIST of its day and a GET; and a LIST of the set's own day.
  expect((await requestsWith(14)) - (await requestsWith(0))).toBe(2 + 2 * 14);
});

describe('the check before a restore', () => {
  const restore = '20260301000000000-0123abcd';
  const restored = async (deps: Deps, day: number, id = restore) => {
    await storeRequest(deps.store, { timestamp: dayOf(day), contents: [0] }, id);
    await planRestore(deps, id);
  };

  it('writes no verdict when it finds what the validation has found', async () => {
    const deps = await withSets(10_000, 5900);
    const { wrote } = await validate(deps, dayOf(1));
    await restored(deps, 1);
    expect(await verdictKeys(deps, dayOf(1))).toEqual(wrote);
  });

  it('leaves the validation of a set to the sweeper, which compares it with older sets', async () => {
    const deps = await withSets(10_000, 5900);
    await validate(deps, dayOf(0));
    await restored(deps, 1);
    expect(await verdictKeys(deps, dayOf(1))).toEqual([]);
    await sweep(deps);
    expect((await newestVerdict(deps, dayOf(1), 'validate'))?.warningsTotal).toBe(1);
  });

  it('records damage and its end, and keeps all warnings of the validation', async () => {
    const deps = await withSets(10_000, 5900);
    const one: Warning = { code: 'rows-fewer', message: 'fewer rows' };
    const warnings = Array<Warning>(2 * WARNINGS_MAX).fill(one);
    const compared = { sets: [dayOf(0)], tables: 1 };
    await writeVerdict(deps, dayOf(1), 'validate', {
      ...{ status: 'complete', checked: NOTHING_CHECKED, problems: [], problemsTotal: 0 },
      unusual: { warnings, compared },
    });
    const [pack = ''] = (await keysOf(deps.store, setPrefix(dayOf(1)))).filter((key) =>
      key.endsWith('.pack'),
    );
    await rename(fileOf(deps.store, pack), `${fileOf(deps.store, pack)}-away`);
    await restored(deps, 1);
    const found = async () => (await lookAtSet(deps, dayOf(1)))?.summary;
    const all = { warnings: warnings.length };
    expect(await found()).toMatchObject({ status: 'damaged', ...all });
    await rename(`${fileOf(deps.store, pack)}-away`, fileOf(deps.store, pack));
    await restored(deps, 1, '20260301000001000-0123abcd');
    expect(await found()).toMatchObject({ status: 'complete', ...all });
    expect(await newestVerdict(deps, dayOf(1), 'validate')).toMatchObject({ compared });
    expect(await verdictKeys(deps, dayOf(1))).toHaveLength(3);
  });
});

it('rules in the environment of a function on Lambda that are not valid are a warning', async () => {
  const deps = await withSets(10_000, 5900);
  vi.stubEnv('STOWAGE_ROOT', deps.store.url);
  vi.stubEnv('STOWAGE_LOG_LEVEL', 'silent');
  onTestFinished(() => void vi.unstubAllEnvs());
  const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: 'r' } as Context;
  const warningsWith = async (text: string) => {
    vi.stubEnv('STOWAGE_UNUSUAL', text);
    const { openInvocation } = await import('../../../functions/lambda/environment.ts');
    const { verdict } = await validate(await openInvocation(context), dayOf(1));
    return verdict.warnings?.map(({ code, message }) => `${code}: ${message}`);
  };
  expect(await warningsWith('')).toHaveLength(1);
  expect(await warningsWith('{"lostPercent":50}')).toBeUndefined();
  expect(await warningsWith('{"lostPerzent":50}')).toEqual([
    expect.stringMatching(/^not-compared: .*STOWAGE_UNUSUAL.*lostPercent/),
  ]);
});
