import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Deps } from '../../../functions/deps.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { handle } from '../../support/handle.ts';
import { bytesOf, freshDeps, keysOf, verdictsOf } from '../functions/place.ts';
import { storeAll } from '../functions/sets.ts';
import { type Hostile, hostileSet, KEYS, TIMESTAMP, textOfPlan, textOfReceipt } from './set.ts';

/** A verdict names a bad document; it must not contain it. */
const VERDICT_BYTES_MAX = 64 * 1024;
const LEVELS = 100_000;
const text = (content: string) => Buffer.from(content);

/** Contents that are not a document under any key. */
const NONSENSE: [string, Uint8Array][] = [
  ['nothing', text('')],
  ['100,000 lists in each other', text('['.repeat(LEVELS) + ']'.repeat(LEVELS))],
  ['100,000 objects in each other', text(`${'{"a":'.repeat(LEVELS)}1${'}'.repeat(LEVELS)}`)],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ['an overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ['UTF-16', Buffer.from('{"format":"stowage/receipt"}', 'utf16le')],
  ['a prototype', text('{"__proto__":{"format":"stowage/receipt","version":1},"constructor":1}')],
  ['1e400', text('1e400')],
];

/** A root deep in a new folder, so that a test finds files that were written outside the root. */
async function deepRoot(): Promise<Deps & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-hostile-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = openDirectory(join(folder, 'a/b/c/root'));
  return { folder, store, clock: () => new Date(), log: pino({ level: 'silent' }) };
}

/** Expects that the set is not committed, and that one small verdict is the only new file. */
async function expectVerdict(hostile: Hostile, object: string, status = 'damaged'): Promise<void> {
  const deps = await deepRoot();
  const documents = hostileSet(hostile);
  await storeAll(deps.store, documents);
  await handle(deps, KEYS.seal);
  await sweep(deps);

  const [verdict, ...more] = await verdictsOf(deps.store);
  expect(more).toEqual([]);
  expect(verdict).toMatchObject({ timestamp: TIMESTAMP, level: 'stitch', status });
  expect(verdict?.problems.map((problem) => problem.object)).toContain(object);
  const known = new Set(documents.map(({ key }) => key));
  const written = (await keysOf(deps.store)).filter((key) => !known.has(key));
  expect(written).toEqual([expect.stringMatching(/\/verdicts\/\d{17}-stitch\.json$/)]);
  expect((await bytesOf(deps.store, written[0] ?? '')).length).toBeLessThan(VERDICT_BYTES_MAX);
  const files = await readdir(deps.folder, { recursive: true, withFileTypes: true });
  const outside = files.filter(
    (file) => file.isFile() && !file.parentPath.includes('/a/b/c/root/sets/'),
  );
  expect(outside).toEqual([]);
}

it('the set of these tests is complete before it is damaged', async () => {
  const deps = await freshDeps();
  await storeAll(deps.store, hostileSet({}));
  expect((await handle(deps, KEYS.seal)).wrote).toEqual([KEYS.manifest]);
});

describe('a bad receipt whose digest the seal has', () => {
  it.each(NONSENSE)('that is %s gives a damaged verdict', (_, receipt) =>
    expectVerdict({ receipt }, KEYS.receipt),
  );

  it.each([
    ['leads out of the root', '../../../../etc/passwd'],
    ['leads out of the root from inside', 'sets/../../../etc/passwd'],
    ['is absolute', '/etc/passwd'],
    ['belongs to another set', KEYS.receipt.replaceAll(TIMESTAMP, '20250131120000')],
    ['is the set’s own manifest', KEYS.manifest],
    ['holds a NUL', 'sets/\\u0000'],
    ['is empty', ''],
    ['is a prototype', '__proto__'],
    ['has 10 MB', 'x'.repeat(10_000_000)],
  ])('whose object key %s gives a damaged verdict', (_, key) => {
    const receipt = text(textOfReceipt().replace(/"key":"[^"]*"/, `"key":"${key}"`));
    return expectVerdict({ receipt }, KEYS.receipt);
  });

  it.each(['1e308', '-0', '9007199254740993', '-1', '0.5', '"10"', 'null', '{}', '1e-400'])(
    'that counts %s rows gives a damaged verdict',
    (rows) => {
      const receipt = text(textOfReceipt().replace('"rows":10', `"rows":${rows}`));
      return expectVerdict({ receipt }, KEYS.receipt);
    },
  );

  it('with a duplicate field counts with the last value, as in every JSON parser', async () => {
    const deps = await deepRoot();
    const receipt = text(textOfReceipt().replace('"rows":10', '"rows":10,"rows":9'));
    await storeAll(deps.store, hostileSet({ receipt }));
    await handle(deps, KEYS.seal);
    expect(await verdictsOf(deps.store)).toMatchObject([
      {
        status: 'incomplete',
        problems: [{ code: 'relation-incomplete', relation: { name: 'a' } }],
      },
    ]);
  });
});

describe('a bad plan or part of the seal', () => {
  it.each(NONSENSE)('that is %s keeps the set from being committed', async (_, bytes) => {
    await expectVerdict({ plan: bytes }, KEYS.plan);
    await expectVerdict({ sealPart: bytes }, KEYS.sealPart);
    await expectVerdict({ seal: bytes }, KEYS.seal);
  });

  it.each([
    ['a relation’s id', '"id":0', '"id":1e308'],
    ['a relation’s id', '"id":0', '"id":-0'],
    ['a relation’s name', '"name":"a"', '"name":""'],
    ['a relation’s name', '"name":"a"', `"name":"${'x'.repeat(10_000_000)}"`],
    ['a range', '[[0,1]]', '[[0,9007199254740991]]'],
    ['a range', '[[0,1]]', '[[0,1],[0,1]]'],
    ['a content', '"content":0', '"content":99999999'],
    ['its timestamp', `"timestamp":"${TIMESTAMP}"`, '"timestamp":"../../../../etc"'],
    ['its timestamp', `"timestamp":"${TIMESTAMP}"`, '"timestamp":"20250131120000"'],
  ])('a plan with an invalid value for %s gives a damaged verdict (%#)', (_, from, to) => {
    expect(textOfPlan()).toContain(from);
    return expectVerdict({ plan: text(textOfPlan().replace(from, to)) }, KEYS.plan);
  });
});

it('a seal with fifty failures of a megabyte each gives a small verdict', async () => {
  const failures = Array.from({ length: 50 }, () => ({
    code: 'internal',
    message: 'x'.repeat(1_000_000),
  }));
  const [seal] = hostileSet({}).slice(-1);
  const failed = {
    ...JSON.parse(Buffer.from(seal?.bytes ?? []).toString()),
    outcome: 'failed',
    failures,
  };
  const deps = await deepRoot();
  await storeAll(deps.store, hostileSet({ seal: text(JSON.stringify(failed)) }));
  const { wrote } = await handle(deps, KEYS.seal);
  expect(await verdictsOf(deps.store)).toMatchObject([{ status: 'incomplete', problemsTotal: 50 }]);
  expect((await bytesOf(deps.store, wrote[0] ?? '')).length).toBeLessThan(300_000);
});

describe('an event', () => {
  it.each([
    'sets/20260131/20260131120000/../../../x/receipts/0/1-1-000001.json',
    '/sets/20260131/20260131120000/receipts/0/1-1-000001.json',
    'sets/20260131/20260131120000/receipts/0/1-1-000001.json\0',
    'sets/20260131/20260131120000/receipts/__proto__/1-1-000001.json',
    'sets/20260131/20260132120000/seal.json',
    `sets/${'9'.repeat(1_000_000)}/seal.json`,
    'restores/20260201120000123-0123abcd/receipts/constructor/0.json',
    '__proto__',
  ])('with an invalid key changes nothing (%#)', async (key) => {
    const deps = await freshDeps();
    expect(await handle(deps, key)).toEqual({ wrote: [] });
    expect(await keysOf(deps.store)).toEqual([]);
  });
});
