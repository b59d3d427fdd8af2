import type { OrderOf } from '../documents/restore/restore.ts';
import { loadStrategy } from '../restore/phases.ts';
import { chosenRelations } from '../restore/plan.ts';
import { greenplumCase } from './greenplum.ts';
import { ordersFor, type RestoreCase } from './restores.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

export const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);

export const nameOf = ({ schema, name }: Named) => ({ schema, name });
export const textOf = (named: Named) => JSON.stringify(nameOf(named));

export const strategyOf = ({ request, manifest }: RestoreCase) => loadStrategy(request, manifest);

/** Restores in which segments load their own rows. */
export const onSegmentCase = greenplumCase.filter(
  (restore) => strategyOf(restore) === 'on-segment',
);

export const dataOrders = (restore: RestoreCase) =>
  ordersFor('data', restore).filter((order): order is OrderOf<'data'> => order.phase === 'data');

/** Whether the request has this relation loaded through the coordinator because it is small. */
export const isSmallIn = (restore: RestoreCase, relation: number) =>
  countedOf(restore, relation).bytes < (restore.request.smallTableBytes ?? 0);

/** Every chosen extent, with its content. */
export function wantedExtents({ manifest, parts, request }: RestoreCase) {
  const chosen = chosenRelations(request, manifest);
  return parts.flatMap(({ content, packs }) =>
    packs.flatMap(({ key, extents }) =>
      extents.flatMap(({ relation, ...extent }) => {
        const named = chosen.get(relation);
        return named === undefined ? [] : [{ content, named, extent: { key, ...extent } }];
      }),
    ),
  );
}

/** Rows and bytes of a relation in the manifest, of one content or of all. */
export function countedOf({ parts }: RestoreCase, relation: number, only?: number) {
  const counted = parts
    .filter(({ content }) => only === undefined || content === only)
    .flatMap(({ relations }) => relations)
    .filter((each) => each.relation === relation);
  return { rows: sum(counted, ({ rows }) => rows), bytes: sum(counted, ({ bytes }) => bytes) };
}
