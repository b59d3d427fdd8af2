import { digestOf, encode, type RawDocument } from '../base/document.ts';
import { formatKey, setPrefix } from '../base/keys.ts';
import { ManifestPart } from '../documents/manifest.ts';
import { idsOf } from '../documents/plan.ts';
import type { ObjectReceipt } from '../documents/receipt.ts';
import { type WitnessedRelation, Witnesses } from '../documents/witnesses.ts';
import type { ContentWitness, RelationWitness } from '../witness/kinds.ts';
import { documentsOf, type SetParts, TIMESTAMP } from './builders.ts';
import { OLD, OLD_KEY } from './carried-set.ts';
import { fold } from './fold-whole.ts';

/** Which server the base and the set saw; the set has seen every change since the base. */
const server = { systemIdentifier: '7001', databaseOid: 16_384 };
export const seenThen: ContentWitness = {
  ...server,
  sources: [
    {
      ...{ kind: 'wal-summary', timeline: 1, lsn: '0/A0' },
      anchor: { start: '0/90', end: '0/B0', storedAt: 1 },
    },
  ],
};
export const seenNow: ContentWitness = {
  ...server,
  sources: [
    {
      ...{ kind: 'wal-summary', timeline: 1, lsn: '0/F0', since: '0/A0' },
      anchor: { start: '0/E0', end: '0/FF', storedAt: 2 },
    },
  ],
};

export const witnessOf = (relation: number, changedBlocks = 0): RelationWitness => ({
  kind: 'wal-summary',
  ...{ oid: 20_000 + relation, file: 30_000 + relation, shape: 's'.repeat(32), changedBlocks },
});

/** What a test changes. */
export interface WitnessedChange {
  readonly witnesses?: (document: Witnesses) => Witnesses;
  readonly base?: (part: ManifestPart) => ManifestPart;
}

/**
 * The same set, of which the rows of some relations are not read: its base has them all.
 * Undefined when the set is not complete.
 */
export function unreadIn(
  set: SetParts,
  isUnread: (content: number, relation: number) => boolean,
  change: WitnessedChange = {},
): SetParts | undefined {
  const whole = fold(documentsOf(set));
  if (whole.status !== 'complete') return undefined;
  const { plan } = set;
  const baseParts = new Map(
    whole.parts.map((part) => [part.content, (change.base ?? same)(ofBase(part))]),
  );
  const documents = new Map(
    plan.contents.map(({ content, relations, systemIdentifier = server.systemIdentifier }) => {
      const entries = [...idsOf(relations)].map((relation): WitnessedRelation => {
        const unread = isUnread(content, relation);
        return {
          ...{ relation, witness: witnessOf(relation, unread ? 0 : 1) },
          ...(unread ? { readAt: OLD, carried: true } : { readAt: TIMESTAMP }),
        };
      });
      const document: Witnesses = {
        ...{ format: 'stowage/witnesses', version: 1, timestamp: TIMESTAMP, content },
        ...{ ...seenNow, systemIdentifier, relations: entries },
      };
      return [content, (change.witnesses ?? same)(document)];
    }),
  );
  const stored = <Value>(
    kind: 'base-part' | 'witnesses',
    values: ReadonlyMap<number, Value>,
    bytes: (value: Value) => Uint8Array,
  ) =>
    new Map(
      [...values].map(([content, value]): [number, RawDocument] => {
        return [
          content,
          { key: formatKey({ kind, timestamp: TIMESTAMP, content }), bytes: bytes(value) },
        ];
      }),
    );
  const bases = stored('base-part', baseParts, (part) => encode(ManifestPart, part));
  const seen = stored('witnesses', documents, (document) => encode(Witnesses, document));
  return {
    ...set,
    plan: {
      ...plan,
      ...{
        features: [...(plan.features ?? []), 'carried', 'witness'],
        base: { timestamp: OLD, manifestSha256: '0'.repeat(64) },
      },
      ...(plan.encryption && { encryption: { ...plan.encryption, older: [OLD_KEY] } }),
      relations: plan.relations.map((relation) => ({ ...relation, baseRelation: relation.id })),
      contents: plan.contents.map((planned) => ({
        ...planned,
        ...pin('base', bases.get(planned.content)),
        ...pin('witnesses', seen.get(planned.content)),
      })),
    },
    sealed: set.sealed.flatMap((receipt): ObjectReceipt[] => {
      if (receipt.kind !== 'pack') return [receipt];
      let offset = 0;
      const extents = receipt.extents
        .filter(({ relation }) => !isUnread(receipt.content, relation))
        .map((extent) => {
          const moved = { ...extent, offset };
          offset += extent.length;
          return moved;
        });
      const object = { ...receipt.object, bytes: offset };
      return extents.length === 0 ? [] : [{ ...receipt, object, extents }];
    }),
    baseParts: [...bases.values()],
    witnesses: [...seen.values()],
    counts: new Map(
      [...set.counts].map(([content, counts]) => [
        content,
        counts.map((count) =>
          isUnread(content, count.relation) ? { ...count, carried: true as const } : count,
        ),
      ]),
    ),
  };
}

const same = <Value>(value: Value) => value;

const pin = (field: 'base' | 'witnesses', document: RawDocument | undefined) =>
  document && { [field]: digestOf(document.bytes) };

/** The part as it is in a set of the day before. */
function ofBase(part: ManifestPart): ManifestPart {
  const { systemIdentifier } = part;
  return {
    ...part,
    timestamp: OLD,
    witness: { ...seenThen, ...(systemIdentifier && { systemIdentifier }) },
    relations: part.relations.map((relation) => ({
      ...relation,
      ...{ witness: witnessOf(relation.relation), readAt: OLD },
    })),
    packs: part.packs.map((pack) => ({
      ...pack,
      key: pack.key.replace(setPrefix(TIMESTAMP), setPrefix(OLD)),
    })),
  };
}
