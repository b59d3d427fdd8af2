import { digestOf, encode, type RawDocument } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import { ManifestPart } from '../documents/manifest.ts';
import type { CarriedExtent, CarriedReceipt } from '../documents/receipt.ts';
import { AT, type SetParts, TIMESTAMP } from './builders.ts';

/** The timestamp of the base. */
export const OLD = '20260130120000';

/** What the plan of an encrypted set says of its base. */
export const OLD_KEY = { timestamp: OLD, keyId: 'ef'.repeat(16) };

/** A part of the base's manifest without packs. */
export const emptyPart: ManifestPart = {
  format: 'stowage/manifest-part',
  version: 1,
  timestamp: OLD,
  content: 0,
  host: 'h',
  port: 5432,
  serverVersion: '15.4',
  encoding: 'UTF8',
  refresh: [],
  metadata: [],
  relations: [],
  packs: [],
};

/** base/0.json of the set. */
export function baseDocument(part: ManifestPart): RawDocument {
  const key = formatKey({ kind: 'base-part', timestamp: TIMESTAMP, content: 0 });
  return { key, bytes: encode(ManifestPart, part) };
}

export const carried = (
  extents: CarriedExtent[],
  change: Partial<CarriedReceipt> = {},
): CarriedReceipt => ({
  format: 'stowage/receipt',
  version: 1,
  timestamp: TIMESTAMP,
  ...{ content: 0, attempt: 1, worker: 1, sequence: 2 },
  ...{ startedAt: AT, finishedAt: AT },
  kind: 'carried',
  extents,
  ...change,
});

/** A set of which some packs, with all their rows, lie in an older set: `isOld` by receipt. */
export function halfOld(set: SetParts, isOld: readonly boolean[]): SetParts {
  const old = new Set(set.sealed.filter(({ kind }, at) => kind === 'pack' && isOld[at] === true));
  const partOf = (content: number) => {
    const packs = [...old].flatMap((receipt) =>
      receipt.kind === 'pack' && receipt.content === content ? [receipt] : [],
    );
    let from = 0;
    const carriedOf = packs.map(({ extents, attempt, worker, sequence }): CarriedReceipt => {
      const own = { content, attempt, worker, sequence: sequence + 100 };
      const entries = extents.map(({ relation, rows, bytes, rowFormat }) => {
        const format = rowFormat && { rowFormat };
        return { relation, from, rows, bytes, ...format, digest: digestFor(from++) };
      });
      return carried(entries, own);
    });
    from = 0;
    const stored = packs.map(({ object, extents, attempt, worker, sequence }) => ({
      ...object,
      key: formatKey({ kind: 'pack', timestamp: OLD, content, attempt, worker, sequence }),
      extents: extents.map((one) => ({ ...one, digest: digestFor(from++) })),
    }));
    const document = baseDocument({ ...emptyPart, content, packs: stored });
    const key = formatKey({ kind: 'base-part', timestamp: TIMESTAMP, content });
    return { carried: carriedOf, document: { ...document, key } };
  };
  const parts = new Map(set.plan.contents.map(({ content }) => [content, partOf(content)]));
  const base = { timestamp: OLD, manifestSha256: '0'.repeat(64) };
  return {
    ...set,
    plan: {
      ...set.plan,
      ...{ features: [...(set.plan.features ?? []), 'carried'], base },
      ...(set.plan.encryption && { encryption: { ...set.plan.encryption, older: [OLD_KEY] } }),
      relations: set.plan.relations.map((relation) => ({ ...relation, baseRelation: relation.id })),
      contents: set.plan.contents.map((planned) => {
        const document = parts.get(planned.content)?.document;
        return document ? { ...planned, base: digestOf(document.bytes) } : planned;
      }),
    },
    sealed: set.sealed.filter((receipt) => !old.has(receipt)),
    carried: [...parts.values()].flatMap((part) => part.carried),
    baseParts: [...parts.values()].map(({ document }) => document),
  };
}

const digestFor = (number: number) => String(number).padStart(32, 'x');
