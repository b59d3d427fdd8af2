import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseKey, SETS } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { foldStored } from '../../../functions/stored/fold.ts';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { expectedOf, GOLDEN, goldenRoots, rowsIn } from '../../golden/made.ts';

const roots = await goldenRoots();

test('there are golden sets of version 1 of the format', () => {
  expect(roots.length).toBeGreaterThan(2);
});

describe.each(roots)('%s, which an earlier program wrote', (name) => {
  let folder: string;
  let store: ObjectStore;
  let deps: Deps;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-golden-'));
    await cp(join(GOLDEN, name, 'root'), folder, { recursive: true });
    store = await openStore({ root: pathToFileURL(folder).href });
    deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  test('is still complete, and its receipts still give the same manifest', async () => {
    const timestamps: string[] = [];
    for await (const { key } of store.list(SETS)) {
      const place = parseKey(key);
      expect(place, key).toBeDefined();
      if (place?.kind === 'manifest') timestamps.push(place.timestamp);
    }
    expect(timestamps.length).toBeGreaterThan(0);
    for (const timestamp of timestamps) {
      expect((await validate(deps, timestamp)).verdict.status).toBe('complete');
      const folded = await foldStored(deps, timestamp);
      const day = timestamp.slice(0, 8);
      const manifest = await readFile(join(folder, 'sets', day, timestamp, 'manifest.json'));
      expect(folded.status === 'complete' && manifest.equals(folded.bytes)).toBe(true);
    }
  });

  test('still has the rows that it had', async () => {
    const identity = await readFile(join(GOLDEN, name, 'identity.txt'), 'utf8').catch(
      () => undefined,
    );
    expect(await rowsIn(store, identity)).toEqual(await expectedOf(name));
  });
});
