import { StowageError } from '../../base/errors.ts';
import type { Phase } from '../../base/keys.ts';
import type { ManifestPart, ManifestRelation } from '../../documents/manifest.ts';
import type { ObjectRef } from '../../documents/receipt.ts';
import type { MapRule } from '../../documents/restore/map.ts';
import type { Into } from '../../documents/restore/names.ts';
import type {
  LoadRelation,
  Order,
  OrderOf,
  SourceExtent,
  VerifyObject,
} from '../../documents/restore/restore.ts';
import { intoOf, targetName } from '../names/into.ts';
import {
  type Body,
  choicesOf,
  extentsByRelation,
  fileOf,
  goesOn,
  loadable,
  namesIn,
  type OrderContext,
  type OrderDraft,
  objectsToVerify,
  orderBase,
  postData,
  preData,
  resumedBy,
} from '../order-bodies.ts';
import { bringsLargeObjects } from '../plan.ts';
import { broughtBy } from './volumes.ts';

type Chosen = ReadonlyMap<number, ManifestRelation>;

interface Making {
  readonly rule: MapRule;
  readonly context: OrderContext;
  readonly chosen: Chosen;
  readonly into: Into | undefined;
  readonly bringsOf: (source: number) => Chosen;
}

/**
 * The orders of a mapped restore, one per content of the target: with the definitions of the first
 * content of its rule, and the rows of all.
 */
export function mappedOrders(phase: Phase, chosen: Chosen, context: OrderContext): OrderDraft[] {
  const { request } = context;
  const into = intoOf(request, chosen.values());
  const bringsOf = broughtBy(request, chosen);
  return [...(request.map ?? [])]
    .sort((a, b) => a.to - b.to)
    .map((rule) => draftOf(phase, { rule, context, chosen, into, bringsOf }));
}

function draftOf(phase: Phase, making: Making): OrderDraft {
  const { to, from } = making.rule;
  // Definitions are those of the first content; the sequences are in all parts.
  const needs = phase === 'pre-data' || phase === 'analyze' ? from.slice(0, 1) : from;
  const gathered = GATHER[phase](making);
  let taken: number[] = [];
  return {
    content: to,
    needs,
    take(part) {
      taken.push(part.content);
      gathered.take(part);
    },
    finish() {
      if (taken.join() !== needs.join())
        throw new StowageError(
          'internal',
          `the order for content ${to} was made from contents ${taken.join(', ')} instead of ${needs.join(', ')}`,
        );
      taken = [];
      return gathered.finish();
    },
  };
}

type Gathered = Pick<OrderDraft, 'take' | 'finish'>;

const GATHER: Readonly<Record<Phase, (making: Making) => Gathered>> = {
  verify: gatherObjects,
  'pre-data': (making) =>
    ofFirst(making, (part, { chosen, context: { request }, into }) => ({
      phase: 'pre-data',
      ...preData(part, namesIn(part, chosen), request, into),
    })),
  data: gatherRows,
  'post-data': gatherSequences,
  analyze: (making) =>
    ofFirst(making, (part, { chosen, context: { request }, into }) => ({
      phase: 'analyze',
      relations: namesIn(part, chosen).map((name) => targetName(into, name)),
      ...goesOn(request),
    })),
};

type BodyOf = { [P in Phase]: { readonly phase: P } & Body<P> }[Phase];

const baseOf = ({ context, rule }: Making) => orderBase(context.request, rule.to);
const sourcesOf = ({ rule: { from } }: Making) => (from.length > 1 ? { sources: [...from] } : {});

function ofFirst(making: Making, body: (part: ManifestPart, making: Making) => BodyOf): Gathered {
  let made: BodyOf | undefined;
  return {
    take: (part) => {
      made = body(part, making);
    },
    finish: () => {
      const body = made;
      made = undefined;
      return { ...baseOf(making), ...body } as Order;
    },
  };
}

function gatherObjects(making: Making): Gathered {
  const objects: VerifyObject[][] = [];
  const { bringsOf, context } = making;
  return {
    take: (part) =>
      void objects.push(objectsToVerify(part, bringsOf(part.content), context.request)),
    finish: () => ({ ...baseOf(making), phase: 'verify', objects: objects.splice(0).flat() }),
  };
}

/** The rows of a relation in all contents; a reference has those of the first content. */
function gatherRows(making: Making): Gathered {
  const { bringsOf, chosen, into, context } = making;
  const { request } = context;
  const extents = new Map<number, SourceExtent[]>();
  const sums = new Map<number, Pick<LoadRelation, 'rows' | 'bytes'>>();
  const largeObjects: ObjectRef[] = [];
  let encoding = '';
  return {
    take(part) {
      const brings = bringsOf(part.content);
      encoding = part.encoding;
      extentsByRelation(part, (relation) => brings.has(relation), extents);
      for (const { relation, rows, bytes } of part.relations) {
        if (!brings.has(relation)) continue;
        const sum = sums.get(relation) ?? { rows: 0, bytes: 0 };
        sums.set(relation, { rows: sum.rows + rows, bytes: sum.bytes + bytes });
      }
      const archive = fileOf(part, 'large-objects.dump');
      if (archive !== undefined && bringsLargeObjects(request)) largeObjects.push(archive);
    },
    finish: (): OrderOf<'data'> => {
      const [first, ...more] = largeObjects.splice(0);
      const relations = [...sums].map(([id, sum]): LoadRelation => {
        const relation = chosen.get(id);
        if (relation === undefined) throw new StowageError('internal', `no relation ${id}`);
        return { ...loadable(relation, into), ...sum, extents: extents.get(id) ?? [] };
      });
      extents.clear();
      sums.clear();
      return {
        ...baseOf(making),
        phase: 'data',
        mode: request.mode,
        role: 'load',
        encoding,
        relations,
        ...(first && { largeObjects: first }),
        ...(more.length > 0 && { moreLargeObjects: more }),
        ...sourcesOf(making),
        ...choicesOf(request),
        ...(first && request.noOwner && { noOwner: true as const }),
        ...resumedBy(request),
      };
    },
  };
}

/** The definitions are those of the first content; sequences get the value that is furthest. */
function gatherSequences(making: Making): Gathered {
  const { chosen, context, into, rule } = making;
  const { request } = context;
  let body: Body<'post-data'> | undefined;
  const more: ObjectRef[] = [];
  return {
    take(part) {
      if (part.content === rule.from[0])
        body = postData(part, namesIn(part, chosen), request, into);
      else {
        const stored = fileOf(part, 'sequences.sql.zst');
        if (stored !== undefined) more.push(stored);
      }
    },
    finish: () => {
      const others = more.splice(0);
      return {
        ...baseOf(making),
        phase: 'post-data',
        ...body,
        ...(body?.sequences && others.length > 0 && { moreSequences: others }),
        ...sourcesOf(making),
      } as Order;
    },
  };
}
