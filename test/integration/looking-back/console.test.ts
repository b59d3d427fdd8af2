import { expect, it } from 'vitest';
import {
  committedSet,
  dayOf,
  type GeneratedTable,
} from '../../../backup-set/testing/committed/committed-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { findTables } from '../../../functions/looking-back/find.ts';
import { tableHistories } from '../../../functions/looking-back/history.ts';
import { tableHistories as consoleHistories } from '../../../functions/serve/console/sets/history.ts';
import { freshDeps } from '../functions/place.ts';

/** Longer than the reading of any set here. */
const WAIT_MS = 60_000;

const root = { schema: 'sales', name: 'log' };
const leaf = (name: string, rows: number) => ({ name, rows, partitionRoot: root });

/** Tables that come, grow and go; on day 3, `orders` has two definitions. */
function tablesOn(day: number): GeneratedTable[] {
  return [
    ...(day === 2 ? [] : [{ name: 'orders', rows: 100 * day, columns: ['id'] }]),
    // Another definition in some contents is another relation of the same name.
    ...(day === 3 ? [{ name: 'orders_2', rows: 7, columns: ['id', 'note'] }] : []),
    leaf(`log_${day}`, 10),
    leaf(`log_${day + 1}`, 20 + day),
    { schema: 'a "b', name: 'c.{"d"}', rows: day },
  ];
}

/** The manifest of a set; `orders_2` becomes a second relation of the name `orders`. */
async function storeManifest({ store }: Deps, day: number): Promise<void> {
  const set = { timestamp: dayOf(day), tables: tablesOn(day), contents: [0, 1] };
  const manifest = committedSet(set).documents.at(-1);
  const text = Buffer.from(manifest?.bytes ?? []).toString();
  await store.create(manifest?.key ?? '', Buffer.from(text.replace('orders_2', 'orders')));
}

it('the console, find and history give equal numbers of a table in every set', async () => {
  const deps = await freshDeps();
  const days = [1, 2, 3, 4];
  for (const day of days) await storeManifest(deps, day);
  const newestFirst = days.map(dayOf).toReversed();
  const { histories } = await tableHistories(deps, '*.*', { leaves: true });
  expect(histories.map(({ name }) => name)).toHaveLength(8);
  const inConsole = consoleHistories(deps);
  const { sets: found } = await findTables(deps, '*.*', { leaves: true });
  for (const { schema, name, database, points } of histories) {
    const shown = await inConsole({ schema, name, database }, newestFirst, WAIT_MS);
    expect(shown.reading).toBe(0);
    const known = points.flatMap((point) => {
      if (!('rows' in point)) return [];
      const { timestamp, rows, bytes, storedBytes, contents } = point;
      return [{ timestamp, rows, bytes, storedBytes, contents }];
    });
    expect([name, shown.points]).toEqual([name, known]);
    expect(shown.without).toEqual(
      points.flatMap((point) => ('rows' in point ? [] : [point.timestamp])),
    );
    const held = found.toReversed().flatMap(({ timestamp, tables }) => {
      const table = tables.find((one) => one.schema === schema && one.name === name);
      return table === undefined ? [] : [[timestamp, table.rows]];
    });
    expect(held).toEqual(known.map(({ timestamp, rows }) => [timestamp, rows]));
  }
});
