import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objectsOf } from './manifest.ts';
import type { OrderOf } from './restore.ts';
import { ordersFor } from './restore-orders.ts';
import { COORDINATOR, loadWay } from './restore-phases.ts';
import { chosenRelations, isWhole } from './restore-plan.ts';
import { greenplumCase } from './testing/greenplum.ts';
import { planOf, type RestoreCase } from './testing/restores.ts';

const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);

const nameOf = ({ schema, name }: { readonly schema: string; readonly name: string }) => ({ schema, name });
const textOf = (named: { readonly schema: string; readonly name: string }) => JSON.stringify(nameOf(named));

const wayOf = ({ request, manifest }: RestoreCase) => loadWay(request, manifest);

/** Cases in which every segment loads its own rows. */
const onSegmentCase = greenplumCase.filter((restore) => wayOf(restore) === 'on-segment');

const dataOrders = (restore: RestoreCase) =>
  ordersFor('data', restore).filter((order): order is OrderOf<'data'> => order.phase === 'data');

/** The coordinator's order, and those of the segments. */
function loadAndFeeds(restore: RestoreCase): { load: OrderOf<'data'>; feeds: OrderOf<'data'>[] } {
  const [load, ...feeds] = dataOrders(restore);
  if (load === undefined) throw new Error('nobody loads');
  expect(load).toMatchObject({ content: COORDINATOR, role: 'load' });
  for (const feed of feeds) expect(feed.role).toBe('feed');
  return { load, feeds };
}

/** Every extent that the request wants, with the content that has it. */
function wantedExtents({ manifest, request }: RestoreCase) {
  const chosen = chosenRelations(request, manifest);
  return manifest.contents.flatMap(({ content, packs }) =>
    packs.flatMap(({ key, extents }) =>
      extents.flatMap(({ relation, ...extent }) => {
        const named = chosen.get(relation);
        return named === undefined ? [] : [{ content, named, extent: { key, ...extent } }];
      }),
    ),
  );
}

/** What the manifest counted of a relation, on one content or on all. */
function countedOf({ manifest }: RestoreCase, relation: number, only?: number) {
  const counted = manifest.contents
    .filter(({ content }) => only === undefined || content === only)
    .flatMap(({ relations }) => relations)
    .filter((each) => each.relation === relation);
  return { rows: sum(counted, ({ rows }) => rows), bytes: sum(counted, ({ bytes }) => bytes) };
}

describe('every extent that is wanted, and no other,', () => {
  test('is in exactly one data order: its own segment’s, or the coordinator’s', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const ordered = dataOrders(restore).flatMap(({ content, relations }) =>
          relations.flatMap((relation) =>
            relation.extents.map((extent) => JSON.stringify([content, textOf(relation), extent])),
          ),
        );
        const wanted = wantedExtents(restore).map(({ content, named, extent }) => {
          const fed = wayOf(restore) === 'on-segment' && named.replicated !== true;
          return JSON.stringify([fed ? content : COORDINATOR, textOf(named), extent]);
        });
        expect(ordered.sort()).toEqual(wanted.sort());
      }),
    );
  });

  test('is verified in exactly one verify order, and so is every other object that will be read', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { manifest, request } = restore;
        const objects = ordersFor('verify', restore).flatMap((order) =>
          order.phase === 'verify' ? order.objects : [],
        );
        const verified = objects.flatMap(({ key, extents = [] }) =>
          extents.map(({ offset, length, crc32, relation }) =>
            JSON.stringify([key, offset, length, crc32, textOf(relation)]),
          ),
        );
        const wanted = wantedExtents(restore).map(({ named, extent: { key, offset, length, crc32 } }) =>
          JSON.stringify([key, offset, length, crc32, textOf(named)]),
        );
        expect(verified.sort()).toEqual(wanted.sort());
        const packs = new Set(wantedExtents(restore).map(({ extent }) => extent.key));
        const files = manifest.contents
          .flatMap(({ metadata }) => metadata)
          .filter(({ file }) => file !== 'globals.sql.zst' || request.globals);
        const keys = [...packs, ...files.map(({ key }) => key)];
        expect(objects.map(({ key }) => key).sort()).toEqual(keys.sort());
        const known = new Map(
          [...objectsOf(manifest)].map(({ content: _, ...stored }) => [stored.key, stored]),
        );
        for (const { extents: _, ...stored } of objects) expect(stored).toEqual(known.get(stored.key));
      }),
    );
  });

  test('is verified where it will be read, when every segment loads its own', () => {
    fc.assert(
      fc.property(onSegmentCase, (restore) => {
        const own = new Map([...objectsOf(restore.manifest)].map(({ key, content }) => [key, content]));
        for (const order of ordersFor('verify', restore)) {
          if (order.phase !== 'verify') throw new Error(order.phase);
          for (const { key } of order.objects) expect(own.get(key)).toBe(order.content);
        }
      }),
    );
  });
});

describe('the coordinator’s data order', () => {
  test('names every chosen relation once, with the manifest’s rows and columns', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const chosen = chosenRelations(restore.request, restore.manifest);
        const { load } = loadAndFeeds(restore);
        expect(load.encoding).toBe('UTF8');
        expect(load.relations.map(({ id }) => id)).toEqual([...chosen.keys()]);
        for (const { id, schema, name, columns, rows, bytes } of load.relations) {
          expect(chosen.get(id)).toMatchObject({ schema, name, columns });
          expect({ rows, bytes }).toEqual(countedOf(restore, id));
        }
      }),
    );
  });

  test('marks exactly the distributed relations with rows as the segments’, and has no extent of them', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const chosen = chosenRelations(restore.request, restore.manifest);
        for (const { id, rows, bytes, extents, onSegment } of loadAndFeeds(restore).load.relations) {
          const theirs = wayOf(restore) === 'on-segment' && rows > 0 && chosen.get(id)?.replicated !== true;
          expect(onSegment).toBe(theirs ? true : undefined);
          expect(sum(extents, (extent) => extent.rows)).toBe(theirs ? 0 : rows);
          expect(sum(extents, (extent) => extent.bytes)).toBe(theirs ? 0 : bytes);
        }
      }),
    );
  });

  test('is the only one when the rows are distributed anew', () => {
    const anew = greenplumCase.filter((restore) => wayOf(restore) === 'coordinator');
    fc.assert(
      fc.property(anew, (restore) => {
        expect(loadAndFeeds(restore).feeds).toEqual([]);
      }),
    );
  });
});

describe('a segment’s data order', () => {
  test('names the relations that the coordinator has marked, all of them, also those it has no row of', () => {
    fc.assert(
      fc.property(onSegmentCase, (restore) => {
        const { load, feeds } = loadAndFeeds(restore);
        const marked = load.relations.filter(({ onSegment }) => onSegment === true);
        const segments = restore.manifest.contents.map(({ content }) => content).filter((it) => it >= 0);
        expect(feeds.map(({ content }) => content)).toEqual(segments);
        for (const feed of feeds) {
          expect(feed.relations.map(({ id, columns }) => [id, columns])).toEqual(
            marked.map(({ id, columns }) => [id, columns]),
          );
          expect(feed.relations.some((relation) => 'onSegment' in relation)).toBe(false);
        }
      }),
    );
  });

  test('has its own share of them, and all shares are the coordinator’s rows', () => {
    fc.assert(
      fc.property(onSegmentCase, (restore) => {
        const { load, feeds } = loadAndFeeds(restore);
        for (const { content, relations } of feeds)
          for (const { id, rows, bytes, extents } of relations) {
            expect({ rows, bytes }).toEqual(countedOf(restore, id, content));
            expect(sum(extents, (extent) => extent.rows)).toBe(rows);
            expect(sum(extents, (extent) => extent.bytes)).toBe(bytes);
          }
        const fed = feeds.flatMap(({ relations }) => relations);
        for (const { id, rows } of load.relations.filter(({ onSegment }) => onSegment === true))
          expect(
            sum(
              fed.filter((relation) => relation.id === id),
              (relation) => relation.rows,
            ),
          ).toBe(rows);
      }),
    );
  });
});

describe('the plan', () => {
  test('has the chosen relations and rows at the coordinator, as it alone loads', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { request, manifest } = restore;
        const chosen = chosenRelations(request, manifest);
        const { contents, totals } = planOf(restore);
        const rows = sum([...chosen.keys()], (id) => countedOf(restore, id).rows);
        const [coordinator, ...segments] = contents;
        expect(coordinator).toMatchObject({ content: COORDINATOR, relations: chosen.size, rows });
        for (const segment of segments) expect(segment).toMatchObject({ relations: 0, rows: 0 });
        expect(totals).toEqual({
          contents: request.target.contents.length,
          relations: chosen.size,
          rows,
          bytes: sum([...chosen.keys()], (id) => countedOf(restore, id).bytes),
          storedBytes: sum(wantedExtents(restore), ({ extent }) => extent.length),
        });
        if (isWhole(request)) expect(totals.rows).toBe(manifest.totals.rows);
      }),
    );
  });

  test('has the bytes at the coordinator, or where the set has them when every segment reads its own', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { contents, totals } = planOf(restore);
        const chosen = [...chosenRelations(restore.request, restore.manifest).keys()];
        const apart = wayOf(restore) === 'on-segment';
        for (const { content, bytes, storedBytes } of contents) {
          const extents = wantedExtents(restore).filter((wanted) => wanted.content === content);
          const own = {
            bytes: sum(chosen, (id) => countedOf(restore, id, content).bytes),
            storedBytes: sum(extents, ({ extent }) => extent.length),
          };
          const all = { bytes: totals.bytes, storedBytes: totals.storedBytes };
          const none = { bytes: 0, storedBytes: 0 };
          expect({ bytes, storedBytes }).toEqual(apart ? own : content === COORDINATOR ? all : none);
        }
      }),
    );
  });

  test('names the target’s contents in order, whatever the request’s', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { contents } = planOf(restore);
        const { length } = restore.request.target.contents;
        expect(contents.map(({ content }) => content)).toEqual(Array.from({ length }, (_, at) => at - 1));
      }),
    );
  });
});

describe('definitions', () => {
  test('are the coordinator’s to change, with the roots of partitions that were chosen', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { request, manifest } = restore;
        const chosen = [...chosenRelations(request, manifest).values()];
        const [pre] = ordersFor('pre-data', restore);
        if (pre?.phase !== 'pre-data') throw new Error('no order');
        expect(pre.relations).toEqual(chosen.map(nameOf));
        expect(pre.only === undefined).toBe(isWhole(request));
        const roots = chosen.flatMap(({ partitionRoot }) => partitionRoot ?? []);
        const needed = new Set([...chosen, ...roots].map(textOf));
        if (pre.only !== undefined) expect(pre.only.map(textOf).sort()).toEqual([...needed].sort());
        const [post] = ordersFor('post-data', restore);
        if (post?.phase !== 'post-data') throw new Error('no order');
        expect(post.only).toEqual(pre.only);
      }),
    );
  });

  test('come from the coordinator’s files, as far as the request wants them', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { mode, globals } = restore.request;
        const has = (file: string) =>
          restore.manifest.contents.some(({ metadata }) => metadata.some((stored) => stored.file === file));
        const [pre] = ordersFor('pre-data', restore);
        const [post] = ordersFor('post-data', restore);
        expect(pre !== undefined && 'globals' in pre).toBe(globals && has('globals.sql.zst'));
        expect(pre !== undefined && 'schema' in pre).toBe(mode !== 'truncate' && has('schema.dump'));
        expect(post !== undefined && 'schema' in post).toBe(mode !== 'truncate' && has('schema.dump'));
        expect(post !== undefined && 'sequences' in post).toBe(has('sequences.sql.zst'));
      }),
    );
  });

  test('are followed by ANALYZE of every table, of partitions by their root’s name, each once', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const chosen = [...chosenRelations(restore.request, restore.manifest).values()];
        const [analyze] = ordersFor('analyze', restore);
        if (analyze?.phase !== 'analyze') throw new Error('no order');
        const wanted = new Set(chosen.map((relation) => textOf(relation.partitionRoot ?? relation)));
        expect(analyze.relations.map(textOf).sort()).toEqual([...wanted].sort());
      }),
    );
  });
});
