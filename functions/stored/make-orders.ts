import { weighed } from '../../async/each-in-flight.ts';
import { encode } from '../../backup-set/base/document.ts';
import { type Result, success } from '../../backup-set/base/result.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { Order } from '../../backup-set/documents/restore/restore.ts';
import type { OrderDraft } from '../../backup-set/restore/order-bodies.ts';
import type { Deps } from '../deps.ts';
import { EXTENTS_IN_FLIGHT } from './fold.ts';
import { readPart } from './read-part.ts';

/** Orders can be large (every table and extent of a segment): a few are in memory at once. */
export const ORDERS_IN_FLIGHT = 4;

/**
 * Makes orders of a restore from their drafts and the parts of the manifest. Their bytes follow
 * from request and manifest alone: the functions write them, and the command compares their digest.
 * @returns a function that gives the bytes of an order to `use`, as soon as there is memory for it;
 * or the problem that a part of the set has.
 */
export function orderMaker(deps: Deps, manifest: Manifest) {
  const extents = new Map(
    manifest.contents.map(({ content, totals }) => [content, totals.extents]),
  );
  const admit = weighed(EXTENTS_IN_FLIGHT);
  // Extents alone do not limit the orders of empty tables.
  const oneOfFew = weighed(ORDERS_IN_FLIGHT);
  return <Made>(
    draft: OrderDraft,
    use: (bytes: Uint8Array) => Made | Promise<Made>,
  ): Promise<Result<Made, Problem>> => {
    const weight = draft.needs.reduce((sum, content) => sum + (extents.get(content) ?? 0), 0);
    return oneOfFew(1, () =>
      admit(weight, async () => {
        for (const content of draft.needs) {
          const part = await readPart(deps, manifest, content);
          if (!part.ok) return part;
          draft.take(part.value);
        }
        return success(await use(encode(Order, draft.finish())));
      }),
    );
  };
}
