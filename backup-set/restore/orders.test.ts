import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../base/document.ts';
import { PHASES } from '../base/keys.ts';
import { Order } from '../documents/restore.ts';
import { ordersFor, type RestoreCase, restoreCase } from '../testing/restores.ts';
import { chosenRelations } from './plan.ts';

/**
 * Every extent that the request wants, as `[content, relation name, key, offset, length, crc32]`.
 */
function wantedExtents({ manifest, parts, request }: RestoreCase): string[] {
  const chosen = chosenRelations(request, manifest);
  return parts
    .flatMap(({ content, packs }) =>
      packs.flatMap(({ key, extents }) =>
        extents.flatMap(({ relation, offset, length, crc32 }) => {
          const named = chosen.get(relation);
          return named
            ? [JSON.stringify([content, named.schema, named.name, key, offset, length, crc32])]
            : [];
        }),
      ),
    )
    .sort();
}

describe('every chosen extent and no other', () => {
  test('is in exactly one data order', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        const ordered = ordersFor('data', restore).flatMap((order) =>
          order.phase !== 'data'
            ? []
            : order.relations.flatMap(({ schema, name, extents }) =>
                extents.map(({ key, offset, length, crc32 }) =>
                  JSON.stringify([order.content, schema, name, key, offset, length, crc32]),
                ),
              ),
        );
        expect(ordered.sort()).toEqual(wantedExtents(restore));
      }),
    );
  });

  test('is in exactly one verify order', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        const verified = ordersFor('verify', restore).flatMap((order) =>
          order.phase !== 'verify'
            ? []
            : order.objects.flatMap(({ key, extents = [] }) =>
                extents.map(({ offset, length, crc32, relation }) =>
                  JSON.stringify([
                    order.content,
                    relation.schema,
                    relation.name,
                    key,
                    offset,
                    length,
                    crc32,
                  ]),
                ),
              ),
        );
        expect(verified.sort()).toEqual(wantedExtents(restore));
      }),
    );
  });
});

describe('an order', () => {
  test('to load a relation has the rows and bytes of its extents', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        for (const order of ordersFor('data', restore)) {
          if (order.phase !== 'data') continue;
          for (const { rows, bytes, extents } of order.relations) {
            expect(extents.reduce((sum, extent) => sum + extent.rows, 0)).toBe(rows);
            expect(extents.reduce((sum, extent) => sum + extent.bytes, 0)).toBe(bytes);
          }
        }
      }),
    );
  });

  test('is readable, and has the same bytes each time, for every content and phase', () => {
    fc.assert(
      fc.property(restoreCase, fc.constantFrom(...PHASES), (restore, phase) => {
        const orders = ordersFor(phase, restore);
        expect(orders.map(({ content }) => content)).toEqual(
          restore.manifest.contents.map(({ content }) => content),
        );
        const bytes = orders.map((order) => encode(Order, order));
        expect(ordersFor(phase, restore).map((order) => encode(Order, order))).toEqual(bytes);
        expect(bytes.map((each) => decode(Order, { key: 'k', bytes: each }))).toEqual(orders);
      }),
    );
  });

  test('names the same relations in the phases that create, load and analyze them', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        const phases = ['pre-data', 'data', 'analyze'] as const;
        const [made, loaded, analyzed] = phases.map((phase) =>
          ordersFor(phase, restore).map((order) =>
            'relations' in order
              ? order.relations.map(({ schema, name }) => ({ schema, name }))
              : [],
          ),
        );
        expect(loaded).toEqual(made);
        expect(analyzed).toEqual(made);
      }),
    );
  });

  test('has schema, sequences and large objects only in the right phase and mode', () => {
    fc.assert(fc.property(restoreCase, metadataWhereItBelongs));
  });
});

function metadataWhereItBelongs(restore: RestoreCase) {
  const { mode, globals, selection } = restore.request;
  const whole = Object.values(selection).every((patterns) => patterns.length === 0);
  restore.parts.forEach(({ metadata }, at) => {
    const has = (file: string) => metadata.some((stored) => stored.file === file);
    const [pre, data, post] = (['pre-data', 'data', 'post-data'] as const).map(
      (phase) => ordersFor(phase, restore)[at],
    );
    expect(pre !== undefined && 'globals' in pre).toBe(globals && has('globals.sql.zst'));
    expect(pre !== undefined && 'schema' in pre).toBe(mode !== 'truncate' && has('schema.dump'));
    expect(pre !== undefined && 'only' in pre).toBe(!whole);
    expect(data !== undefined && 'largeObjects' in data).toBe(
      whole && mode !== 'truncate' && has('large-objects.dump'),
    );
    expect(post !== undefined && 'schema' in post).toBe(mode !== 'truncate' && has('schema.dump'));
    expect(post !== undefined && 'sequences' in post).toBe(has('sequences.sql.zst'));
  });
}
