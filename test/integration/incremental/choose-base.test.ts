import { writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { chooseBase } from '../../../cli/backup/base/choose.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { bytesOf, fileOf } from '../functions/place.ts';
import { committed } from '../functions/slicing.ts';
import { carriedSet } from './carried-set.ts';

const OTHERS = 12;

const notes: unknown[] = [];

/** What the choice of a base needs to know of a backup. */
const contextFor = (deps: Deps, { cluster, database, flavour, selection }: Manifest) => ({
  ...{ ...deps, signal: new AbortController().signal },
  output: { note: (...given: unknown[]) => void notes.push(given) },
  config: { cluster, database, flavour, backup: selection },
});

it('a backup prefers an older set of the same tables to a newer one of other tables', async () => {
  const { deps, older, set } = await carriedSet();
  const { store } = deps;
  await stitch(deps, set.timestamp);
  for (const { timestamp } of [older, set]) await validate(deps, timestamp);
  const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
  const manifest = decode(Manifest, { key, bytes: await bytesOf(store, key) });
  const selection = { ...manifest.selection, includeSchemas: ['some'] };
  await writeFile(fileOf(store, key), encode(Manifest, { ...manifest, selection }));
  const rooted = { ...store, url: manifest.root };
  const chosen = async (wanted: Manifest) =>
    (await chooseBase(contextFor(deps, wanted) as never, rooted, 'newest', undefined))?.manifest
      .timestamp;
  expect(await chosen(manifest)).toBe(older.timestamp);
  expect(await chosen({ ...manifest, selection })).toBe(set.timestamp);
  const neither = { ...manifest.selection, excludeSchemas: ['other'] };
  expect(await chosen({ ...manifest, selection: neither })).toBe(set.timestamp);
});

it('a backup takes no set whose verdict is malformed as its base', async () => {
  const { deps, older, set } = await carriedSet();
  const { store } = deps;
  await stitch(deps, set.timestamp);
  for (const { timestamp } of [older, set]) await validate(deps, timestamp);
  const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
  const manifest = decode(Manifest, { key, bytes: await bytesOf(store, key) });
  // It had found damage. What it says now is not known.
  const damage = { checked: { objects: 0, bytes: 0 }, problems: [], problemsTotal: 1 };
  const verdict = await writeVerdict(deps, set.timestamp, 'verify', {
    ...damage,
    status: 'damaged',
  });
  await writeFile(fileOf(store, verdict.key), 'not JSON');
  const rooted = { ...store, url: manifest.root };
  const base = await chooseBase(contextFor(deps, manifest) as never, rooted, 'newest', undefined);
  expect(base?.manifest.timestamp).toBe(older.timestamp);
});

it('a backup finds its base behind many newer sets of other databases', async () => {
  const { deps, set } = await committed();
  const { store } = deps;
  await validate(deps, set.timestamp);
  const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
  const manifest = decode(Manifest, { key, bytes: await bytesOf(store, key) });
  for (let nth = 0; nth < OTHERS; nth++) {
    const timestamp = String(Number(set.timestamp) + 1 + nth);
    const other = { ...manifest, timestamp, database: `other${nth}` };
    await store.create(formatKey({ kind: 'manifest', timestamp }), encode(Manifest, other));
  }
  const rooted = { ...store, url: manifest.root };
  const base = await chooseBase(contextFor(deps, manifest) as never, rooted, 'newest', undefined);
  expect(base?.manifest.timestamp).toBe(set.timestamp);
});

it('a backup without a base says why the newest set of its database is none', async () => {
  const { deps, set } = await committed();
  const { store } = deps;
  const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
  const manifest = decode(Manifest, { key, bytes: await bytesOf(store, key) });
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const context = { ...contextFor(deps, manifest), log } as never;
  expect(
    await chooseBase(context, { ...store, url: manifest.root }, 'newest', undefined),
  ).toBeUndefined();
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    {
      set: set.timestamp,
      reason: 'it has not been validated',
      msg: 'no base: this backup stores all rows',
    },
  ]);
  expect(notes).toEqual([
    [
      'no-base',
      { set: set.timestamp, reason: 'it has not been validated' },
      `this backup stores all rows, because set ${set.timestamp} cannot be its base: it has not been validated`,
    ],
  ]);
});
