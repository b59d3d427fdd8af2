import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objectsOf } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import type { OrderOf } from '../documents/restore/restore.ts';
import {
  countedOf,
  dataOrders,
  isSmallIn,
  onSegmentCase,
  strategyOf,
  sum,
  textOf,
  wantedExtents,
} from '../testing/coordinated.ts';
import { greenplumCase } from '../testing/greenplum.ts';
import { ordersFor, type RestoreCase } from '../testing/restores.ts';
import { COORDINATOR } from './phases.ts';
import { chosenRelations } from './plan.ts';

/**
 * True if the rows of content i belong to segment i of every database: the relation is not
 * replicated, not hashed by OIDs, and not shipped by one content for all.
 */
const staysWhereItWas = (relation: Relation | undefined) =>
  relation !== undefined && !WHOLE.some((mark) => mark in relation);
const WHOLE = ['replicated', 'redistribute', 'fromCoordinator', 'condition', 'rowFormat'] as const;

/** The data order of the coordinator, and those of the segments. */
function loadAndFeeds(restore: RestoreCase): { load: OrderOf<'data'>; feeds: OrderOf<'data'>[] } {
  const [load, ...feeds] = dataOrders(restore);
  if (load === undefined) throw new Error('no order loads');
  expect(load).toMatchObject({ content: COORDINATOR, role: 'load' });
  for (const feed of feeds) expect(feed.role).toBe('feed');
  return { load, feeds };
}

const allObjects = ({ parts }: RestoreCase) => parts.flatMap((part) => [...objectsOf(part)]);

describe('in a coordinated restore, every chosen extent and no other', () => {
  test('is in exactly one data order, of its segment or of the coordinator', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const ordered = dataOrders(restore).flatMap(({ content, relations }) =>
          relations.flatMap((relation) =>
            relation.extents.map((extent) => JSON.stringify([content, textOf(relation), extent])),
          ),
        );
        const wanted = wantedExtents(restore).map(({ content, named, extent }) => {
          const isFed = staysWhereItWas(named) && !isSmallIn(restore, named.id);
          const fed = strategyOf(restore) === 'on-segment' && isFed;
          return JSON.stringify([fed ? content : COORDINATOR, textOf(named), extent]);
        });
        expect(ordered.sort()).toEqual(wanted.sort());
      }),
    );
  });

  test('is in exactly one verify order, as is every other object that will be read', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { parts, request } = restore;
        const objects = ordersFor('verify', restore).flatMap((order) =>
          order.phase === 'verify' ? order.objects : [],
        );
        const verified = objects.flatMap(({ key, extents = [] }) =>
          extents.map(({ offset, length, crc32, relation }) =>
            JSON.stringify([key, offset, length, crc32, textOf(relation)]),
          ),
        );
        const wanted = wantedExtents(restore).map(
          ({ named, extent: { key, offset, length, crc32 } }) =>
            JSON.stringify([key, offset, length, crc32, textOf(named)]),
        );
        expect(verified.sort()).toEqual(wanted.sort());
        const packs = new Set(wantedExtents(restore).map(({ extent }) => extent.key));
        const files = parts
          .flatMap(({ metadata }) => metadata)
          .filter(({ file }) => file !== 'globals.sql.zst' || request.globals);
        const keys = [...packs, ...files.map(({ key }) => key)];
        expect(objects.map(({ key }) => key).sort()).toEqual(keys.sort());
        const known = new Map(
          allObjects(restore).map(({ content: _, ...stored }) => [stored.key, stored]),
        );
        for (const { extents: _, ...stored } of objects)
          expect(stored).toEqual(known.get(stored.key));
      }),
    );
  });

  test('is verified by the segment that reads it, if segments load their own rows', () => {
    fc.assert(
      fc.property(onSegmentCase, (restore) => {
        const own = new Map(allObjects(restore).map(({ key, content }) => [key, content]));
        for (const order of ordersFor('verify', restore)) {
          if (order.phase !== 'verify') throw new Error(order.phase);
          for (const { key } of order.objects) expect(own.get(key)).toBe(order.content);
        }
      }),
    );
  });
});

describe('the coordinator’s data order', () => {
  test('lists every chosen relation once, with rows and columns of the manifest', () => {
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

  test('marks the relations that segments load, and has no extents of them', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const chosen = chosenRelations(restore.request, restore.manifest);
        for (const { id, rows, bytes, extents, onSegment } of loadAndFeeds(restore).load
          .relations) {
          const isFed = staysWhereItWas(chosen.get(id)) && !isSmallIn(restore, id);
          const theirs = strategyOf(restore) === 'on-segment' && rows > 0 && isFed;
          expect(onSegment).toBe(theirs ? true : undefined);
          expect(sum(extents, (extent) => extent.rows)).toBe(theirs ? 0 : rows);
          expect(sum(extents, (extent) => extent.bytes)).toBe(theirs ? 0 : bytes);
        }
      }),
    );
  });

  test.each(WHOLE)('has the extents of all contents of a relation with “%s”', (mark) => {
    const withSuch = onSegmentCase.filter(({ manifest, request }) =>
      [...chosenRelations(request, manifest).values()].some((relation) => mark in relation),
    );
    fc.assert(
      fc.property(withSuch, (restore) => {
        const chosen = chosenRelations(restore.request, restore.manifest);
        const such = [...chosen.values()].filter((relation) => mark in relation);
        const { load, feeds } = loadAndFeeds(restore);
        for (const relation of such) {
          const wanted = wantedExtents(restore).filter(({ named }) => named.id === relation.id);
          const ordered = load.relations.find(({ id }) => id === relation.id);
          expect(ordered).not.toHaveProperty('onSegment');
          expect(ordered?.extents).toEqual(wanted.map(({ extent }) => extent));
          for (const feed of feeds)
            expect(feed.relations.map(({ id }) => id)).not.toContain(relation.id);
        }
      }),
    );
  });

  test('is the only data order if the rows are redistributed', () => {
    const anew = greenplumCase.filter((restore) => strategyOf(restore) === 'coordinator');
    fc.assert(
      fc.property(anew, (restore) => {
        expect(loadAndFeeds(restore).feeds).toEqual([]);
      }),
    );
  });
});

describe('a segment’s data order', () => {
  test('lists all relations that the coordinator’s order marks, also those without rows', () => {
    fc.assert(
      fc.property(onSegmentCase, (restore) => {
        const { load, feeds } = loadAndFeeds(restore);
        const marked = load.relations.filter(({ onSegment }) => onSegment === true);
        const segments = restore.manifest.contents
          .map(({ content }) => content)
          .filter((it) => it >= 0);
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

  test('has a share of the rows; all shares add up to those of the coordinator’s order', () => {
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
