import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Order } from '../documents/restore/restore.ts';
import { greenplumCase } from '../testing/greenplum.ts';
import { ordersFor, type RestoreCase, restoreCase } from '../testing/restores.ts';
import { oversizedOrders } from './bounds.ts';
import { loadStrategy } from './phases.ts';
import { chosenRelations, volumeOf } from './plan.ts';

const anyCase = fc.oneof(greenplumCase, restoreCase);

function extentsIn(order: Order): number {
  if (order.phase === 'verify')
    return order.objects.reduce((sum, { extents = [] }) => sum + extents.length, 0);
  if (order.phase === 'data')
    return order.relations.reduce((sum, { extents }) => sum + extents.length, 0);
  return 0;
}

/** The number of extents of the largest order, per content. */
function largest(restore: RestoreCase): Map<number, number> {
  const orders = [
    ...(restore.request.verify ? ordersFor('verify', restore) : []),
    ...ordersFor('data', restore),
  ];
  const most = new Map<number, number>();
  for (const order of orders)
    most.set(order.content, Math.max(extentsIn(order), most.get(order.content) ?? 0));
  return most;
}

function refused({ request, manifest, parts }: RestoreCase, extentsMax: number): number[] {
  const chosen = chosenRelations(request, manifest);
  const volumes = parts.map((part) => volumeOf(part, chosen));
  const problems = oversizedOrders(
    loadStrategy(request, manifest),
    request,
    chosen,
    volumes,
    extentsMax,
  );
  return problems.map(({ content = Number.NaN }) => content).sort((a, b) => a - b);
}

describe('an order that would need too many extents', () => {
  test('is reported with its content, and no other one, when all data are verified first', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(20), (restore, extentsMax) => {
        const verified = { ...restore, request: { ...restore.request, verify: true } };
        const over = [...largest(verified)].filter(([, extents]) => extents > extentsMax);
        expect(refused(verified, extentsMax)).toEqual(
          over.map(([content]) => content).sort((a, b) => a - b),
        );
      }),
    );
  });

  test('is reported also when no data are verified first', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(20), (restore, extentsMax) => {
        const unverified = { ...restore, request: { ...restore.request, verify: false } };
        const reported = refused(unverified, extentsMax);
        for (const [content, extents] of largest(unverified))
          if (extents > extentsMax) expect(reported).toContain(content);
      }),
    );
  });
});
