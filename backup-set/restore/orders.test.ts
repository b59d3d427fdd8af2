import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../base/document.ts';
import { METADATA_FILES, PHASES } from '../base/keys.ts';
import { EVERYTHING } from '../base/selection.ts';
import {
  Order,
  type OrderOf,
  RESTORE_MODES,
  type RestoreRequest,
} from '../documents/restore/restore.ts';
import { ordersFor, planOf, type RestoreCase, restoreCase } from '../testing/restores.ts';
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

describe('choices of a request', () => {
  const stored = { bytes: 1, crc32: '00000000' };
  const metadata = METADATA_FILES.map((file) => ({ file, key: file, ...stored }));
  const [sample] = fc.sample(restoreCase, { numRuns: 1, seed: 1 });
  if (sample === undefined) throw new Error('no case');
  const { request, manifest, parts } = sample;
  const whole = parts.map((part) => ({ ...part, metadata }));

  /** The first order of a phase, of a set that has all metadata. */
  function orderOf<P extends Order['phase']>(phase: P, change: Partial<RestoreRequest>) {
    const asked = { ...request, selection: EVERYTHING, ...change };
    return ordersFor(phase, { manifest, parts: whole, request: asked })[0] as OrderOf<P>;
  }

  test('--globals=alter is in the order that restores the globals only', () => {
    const alter = { globalsMode: 'alter' } as const;
    expect(orderOf('pre-data', { globals: true, ...alter }).globalsMode).toBe('alter');
    expect(orderOf('pre-data', { globals: false, ...alter }).globalsMode).toBeUndefined();
    expect(orderOf('pre-data', { globals: true }).globalsMode).toBeUndefined();
  });

  test('large objects are restored also with truncate or a selection when they are asked for', () => {
    const largeObjects = true as const;
    for (const change of [
      { mode: 'truncate' as const },
      { selection: { ...EVERYTHING, excludeTables: ['no.table'] } },
    ]) {
      expect(orderOf('data', change).largeObjects).toBeUndefined();
      expect(orderOf('data', { ...change, largeObjects }).largeObjects).toBeDefined();
    }
    expect(orderOf('data', { mode: 'create', noOwner: true }).noOwner).toBe(true);
  });

  test('the settings of roles in the database belong to a new database', () => {
    for (const mode of RESTORE_MODES)
      expect(orderOf('post-data', { mode }).globals !== undefined).toBe(mode === 'create');
  });
});

describe('the sections of a request', () => {
  const withSections = (sections: RestoreRequest['sections'], mode: RestoreRequest['mode']) =>
    restoreCase.map((restore) => {
      const choices = { mode, ...(sections && { sections }) };
      return { ...restore, request: { ...restore.request, verify: false, ...choices } };
    });

  test.each([
    [['pre-data'], 'fill', ['pre-data']],
    [['pre-data'], 'create', ['pre-data', 'post-data']],
    [['data'], 'fill', ['pre-data', 'data', 'post-data', 'analyze']],
    [['post-data'], 'fill', ['pre-data', 'post-data']],
    [['pre-data', 'post-data'], 'create', ['pre-data', 'post-data']],
  ] as const)('%j with mode %s decide that the phases are %j', (sections, mode, phases) => {
    fc.assert(
      fc.property(withSections([...sections], mode), (restore) => {
        const plan = planOf(restore);
        expect(plan.phases).toEqual(phases);
        const hasData = sections.some((section) => section === 'data');
        if (!hasData) expect(plan.totals).toMatchObject({ rows: 0, relations: 0 });
      }),
    );
  });

  test('decide which orders get the archive, sequences and views, and what must exist', () => {
    const fields = (sections: RestoreRequest['sections'], phase: 'pre-data' | 'post-data') =>
      fc.sample(withSections(sections, 'fill'), 20).flatMap((restore) => ordersFor(phase, restore));
    for (const order of fields(['data'], 'pre-data'))
      expect(order).toMatchObject({ existing: 'empty' });
    for (const order of fields(['post-data'], 'pre-data'))
      expect(order).toMatchObject({ existing: 'any' });
    for (const order of fields(['pre-data', 'post-data'], 'post-data'))
      expect(order).toMatchObject({ refresh: [] });
    for (const order of [...fields(['data'], 'pre-data'), ...fields(['data'], 'post-data')])
      expect(order).not.toHaveProperty('schema');
    for (const order of fields(['post-data'], 'post-data'))
      expect(order).not.toHaveProperty('sequences');
    for (const order of fields(['pre-data'], 'pre-data'))
      if ('only' in order) expect(order).toMatchObject({ sections: ['pre-data'] });
  });
});
