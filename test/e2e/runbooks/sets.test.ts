import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backUp, depsOf } from '../../integration/retention/world.ts';
import { stowage, writeConfig } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { type Runbooks, readRunbooks } from './page.ts';

const [FIRST, SECOND, THIRD] = ['20260131010203', '20260201010203', '20260202010203'];

let place: Place;
let page: Runbooks;
let config: string;

/** The third set carries rows of the second. No command of these sections needs a server. */
beforeAll(async () => {
  place = await directoryPlace();
  const root = place.newRoot();
  const deps = depsOf(await place.open(root));
  await backUp(deps, FIRST);
  await backUp(deps, SECOND);
  await backUp(deps, THIRD, SECOND);
  config = await writeConfig(join(place.folder, 'stowage.yaml'), {
    root,
    database: 'places',
    segments: [{ content: 0, host: 'db0' }],
    retention: { keepLast: 1 },
  });
  page = await readRunbooks(place.folder, '/usr/bin');
});
afterAll(() => place?.stop());

async function runs(title: string, replaced: Readonly<Record<string, string>> = {}) {
  const { code, text } = await page.run(title, replaced);
  expect(code === 0 ? '' : `exit code ${code}: ${text}`).toBe('');
  expect(page.absent(title, text), text).toEqual([]);
  return text;
}

test('the commands for a full bucket name what goes, and expire it', async () => {
  const text = await runs('The bucket is full');
  expect(text).toContain('packs stay for 1 set');
  expect(text).toContain('2 sets expired');
});

test('the commands for a set that was expired by mistake bring the set back and hold it', async () => {
  await runs('A set was expired by mistake', { '20261128190000': FIRST });
  const { json } = await stowage(['list'], { config });
  expect(json.sets.map(({ timestamp }) => timestamp)).toEqual([THIRD, FIRST]);
});
