import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../base/document.ts';
import { formatKey, PHASES } from '../base/keys.ts';
import { count, plural } from '../base/words.ts';
import { Order, type RestoreReceipt, type RestoreRequest } from '../documents/restore/restore.ts';
import { greenplumCase, greenplumManifest, targetOf } from '../testing/greenplum.ts';
import {
  allDone,
  foldRestore,
  MANIFEST_SHA256,
  ordersFor,
  planOf,
  type RestoreCase,
  requestFor,
  restoreCase,
  restoreReceiptDocument,
} from '../testing/restores.ts';
import { coordinatedOrders } from './coordinated.ts';
import { COORDINATOR, contentsIn, loadStrategy } from './phases.ts';
import { resolveRequest } from './plan.ts';

const anyCase = fc.oneof(greenplumCase, restoreCase);

const foldOf = (restore: RestoreCase, receipts: readonly RestoreReceipt[]) =>
  foldRestore(planOf(restore), receipts.map(restoreReceiptDocument));

describe('the load strategy', () => {
  test('follows from flavour, number of segments and resize', () => {
    fc.assert(
      fc.property(
        greenplumManifest,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (made, size, resize) => {
          const request = { target: targetOf(made, size), resize };
          const same = size === made.contents.length - 1;
          expect(loadStrategy(request, made)).toBe(same && !resize ? 'on-segment' : 'coordinator');
          expect(loadStrategy(request, { ...made, flavour: 'shards' })).toBe('per-segment');
        },
      ),
    );
  });

  test('determines which contents get an order in each phase', () => {
    const contents = [-1, 0, 1].map((content) => ({
      content,
      relations: 0,
      rows: 0,
      bytes: 0,
      storedBytes: 0,
    }));
    const asked = (load: 'per-segment' | 'coordinator' | 'on-segment') =>
      PHASES.map((phase) => contentsIn(phase, { load, contents }));
    const [all, one] = [[-1, 0, 1], [COORDINATOR]];
    //                                      verify, pre-data, data, post-data, analyze
    expect(asked('per-segment')).toEqual([all, all, all, all, all]);
    expect(asked('coordinator')).toEqual([all, one, one, one, one]);
    expect(asked('on-segment')).toEqual([all, one, all, one, one]);
  });
});

describe('the contents that a phase waits for', () => {
  test('are those that get an order in the phase', () => {
    fc.assert(
      fc.property(anyCase, fc.constantFrom(...PHASES), (restore, phase) => {
        const ordered = ordersFor(phase, restore).map(({ content }) => content);
        expect(ordered).toEqual(contentsIn(phase, planOf(restore)));
      }),
    );
  });

  test('are in the target, and their orders are readable and the same each time', () => {
    fc.assert(
      fc.property(greenplumCase, fc.constantFrom(...PHASES), (restore, phase) => {
        const orders = ordersFor(phase, restore);
        const targets = restore.request.target.contents.map(({ content }) => content);
        for (const { content } of orders) expect(targets).toContain(content);
        const bytes = orders.map((order) => encode(Order, order));
        expect(ordersFor(phase, restore).map((order) => encode(Order, order))).toEqual(bytes);
        expect(bytes.map((each) => decode(Order, { key: 'k', bytes: each }))).toEqual(orders);
      }),
    );
  });
});

describe('a restore of a Greenplum', () => {
  const caseAndOne = greenplumCase.chain((restore) =>
    fc.constantFrom(...allDone(restore)).map((one) => ({
      restore,
      one,
      others: allDone(restore).filter(
        ({ phase, content }) => phase !== one.phase || content !== one.content,
      ),
    })),
  );

  test('is restored, with the rows of the manifest, if all orders were carried out', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { contents, relations, rows } = planOf(restore).totals;
        expect(foldOf(restore, allDone(restore))).toMatchObject({
          outcome: {
            status: 'restored',
            problemsTotal: 0,
            problems: [],
            totals: { contents, relations, rows },
          },
        });
      }),
    );
  });

  test('waits for each receipt, and names its content', () => {
    fc.assert(
      fc.property(caseAndOne, ({ restore, one, others }) => {
        expect(foldOf(restore, others)).toEqual({
          kind: 'awaiting',
          phase: one.phase,
          contents: [one.content],
        });
      }),
    );
  });

  test('waits in each phase only for the contents that get an order', () => {
    fc.assert(
      fc.property(caseAndOne, ({ restore, one }) => {
        const plan = planOf(restore);
        const before = allDone(restore).filter(
          ({ phase }) => plan.phases.indexOf(phase) < plan.phases.indexOf(one.phase),
        );
        expect(foldOf(restore, before)).toEqual({
          kind: 'awaiting',
          phase: one.phase,
          contents: contentsIn(one.phase, plan),
        });
      }),
    );
  });

  test('fails or is refused after one failed receipt, and names its content', () => {
    fc.assert(
      fc.property(caseAndOne, ({ restore, one, others }) => {
        const key = formatKey({
          kind: 'restore-receipt',
          restore: one.id,
          phase: one.phase,
          content: one.content,
        });
        expect(foldOf(restore, [...others, { ...one, status: 'failed' }])).toMatchObject({
          outcome: {
            status: one.phase === 'verify' ? 'refused' : 'failed',
            problems: [{ code: 'order-failed', content: one.content, object: key }],
          },
        });
      }),
    );
  });

  test('fails if the coordinator loaded a row too few or too many, or skipped a relation', () => {
    const loads = caseAndOne.filter(
      ({ one }) => one.phase === 'data' && one.content === COORDINATOR,
    );
    fc.assert(
      fc.property(loads, fc.constantFrom(-1, 1, 'left out'), ({ restore, one, others }, change) => {
        const [first, ...rest] = one.relations;
        fc.pre(first !== undefined && (change !== -1 || first.rows > 0));
        const relations =
          typeof change === 'string' ? rest : [{ ...first, rows: first.rows + change }, ...rest];
        const { rows } = planOf(restore).totals;
        const loaded = relations.reduce((sum, relation) => sum + relation.rows, 0);
        expect(foldOf(restore, [...others, { ...one, relations }])).toMatchObject({
          outcome: {
            status: 'failed',
            problems: [
              {
                code: 'order-failed',
                content: COORDINATOR,
                message: expect.stringContaining(`${count(loaded)} of ${plural(rows, 'row')} in `),
              },
            ],
          },
        });
      }),
    );
  });

  test('fails if a segment that only feeds reports loaded rows', () => {
    const feeds = caseAndOne.filter(
      ({ one }) => one.phase === 'data' && one.content !== COORDINATOR,
    );
    fc.assert(
      fc.property(feeds, fc.nat(3), ({ restore, one, others }, rows) => {
        const relations = [{ schema: 's', name: 't', rows }];
        expect(foldOf(restore, [...others, { ...one, relations }])).toMatchObject({
          outcome: { status: 'failed', problems: [{ code: 'order-failed', content: one.content }] },
        });
      }),
    );
  });
});

describe('a Greenplum target', () => {
  const refusals = (request: RestoreRequest, made: RestoreCase['manifest']) => {
    const planned = resolveRequest(request, made, MANIFEST_SHA256, []);
    return planned.ok ? [] : planned.failure.map(({ message }) => message);
  };
  const sized = greenplumManifest.chain((made) =>
    fc.integer({ min: 1, max: 5 }).map((segments) => ({ made, target: targetOf(made, segments) })),
  );

  test('is rejected without its coordinator, or without a segment', () => {
    fc.assert(
      fc.property(sized, fc.nat(), fc.boolean(), ({ made, target }, at, resize) => {
        // Without its last content, the target is a smaller whole Greenplum.
        const leftOut = (at % target.contents.length) - 1;
        const last = target.contents.length - 2;
        fc.pre(leftOut !== last);
        const contents = target.contents.filter(({ content }) => content !== leftOut);
        const request = requestFor(made, { target: { ...target, contents }, resize });
        expect(refusals(request, made)).toContainEqual(
          expect.stringContaining('not a whole Greenplum'),
        );
      }),
    );
  });

  test('is a single server too, which verifies and loads everything', () => {
    fc.assert(
      fc.property(sized, ({ made, target }) => {
        const contents = target.contents.filter(({ content }) => content === -1);
        const request = requestFor(made, { target: { ...target, contents } });
        expect(refusals(request, made)).toEqual([]);
        expect(loadStrategy(request, made)).toBe('coordinator');
        const context = { request, manifest: made };
        const [order, another] = coordinatedOrders('verify', 'coordinator', new Map(), context);
        expect(another).toBeUndefined();
        expect(order?.needs).toEqual(made.contents.map(({ content }) => content));
      }),
    );
  });

  test('is rejected if it names a content twice, or is of another flavour', () => {
    fc.assert(
      fc.property(sized, ({ made, target }) => {
        const [first] = target.contents;
        const contents = [...target.contents, ...(first ? [first] : [])];
        expect(
          refusals(requestFor(made, { target: { ...target, contents } }), made),
        ).toContainEqual(expect.stringContaining('twice'));
        const other = { ...target, flavour: 'shards' };
        expect(refusals(requestFor(made, { target: other }), made)).toContainEqual(
          expect.stringContaining('flavour'),
        );
      }),
    );
  });

  test('with any number of segments is accepted if it is whole', () => {
    fc.assert(
      fc.property(sized, fc.boolean(), ({ made, target }, resize) => {
        expect(refusals(requestFor(made, { target, resize }), made)).toEqual([]);
      }),
    );
  });
});
