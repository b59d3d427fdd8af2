import * as z from 'zod';
import {
  AppendOptimizedSource,
  AppendOptimizedWitness,
  appendOptimizedDifference,
} from './append-optimized.ts';
import { FileStampSource, FileStampWitness, fileStampDifference } from './file-stamp.ts';
import type { Pair } from './heap.ts';
import type { Reason } from './reasons.ts';
import { WalSummarySource, WalSummaryWitness, walSummaryDifference } from './wal-summary.ts';

/** What a server said for all tables of a kind. A kind is a file of this room. */
export const WitnessSource = z.discriminatedUnion('kind', [
  WalSummarySource,
  AppendOptimizedSource,
  FileStampSource,
]);
export type WitnessSource = z.infer<typeof WitnessSource>;
export type WitnessKind = WitnessSource['kind'];

/** What the barrier saw of one relation. */
export const RelationWitness = z.discriminatedUnion('kind', [
  WalSummaryWitness,
  AppendOptimizedWitness,
  FileStampWitness,
]);
export type RelationWitness = z.infer<typeof RelationWitness>;

/**
 * Pages say what a snapshot sees only where no writer was in progress: not under a dispatch. For
 * append-optimized tables it could be proven there, too, and is not: see design note 23.
 */
export const isSoundUnder = (
  _kind: WitnessKind,
  mechanism: 'barrier' | 'dispatch' | 'coordinator' | 'source',
): boolean => mechanism === 'barrier';

/** Which server and database this is, and what it said: fields of witnesses and manifest part. */
export const ContentWitness = z.object({
  systemIdentifier: z.string().min(1),
  databaseOid: z.int().min(1),
  sources: z.array(WitnessSource),
});
export type ContentWitness = z.infer<typeof ContentWitness>;

/** A relation in one set. */
export interface Witnessed {
  readonly content: ContentWitness;
  readonly witness: RelationWitness;
}

/**
 * Whether the rows of a relation are those of the base. Coordinator and fold both decide by it.
 * @returns why the relation must be read; undefined = the rows are the same.
 */
export function witnessDifference(base: Witnessed, now: Witnessed): Reason | undefined {
  if (
    base.content.systemIdentifier !== now.content.systemIdentifier ||
    base.content.databaseOid !== now.content.databaseOid
  )
    return 'server-changed';
  switch (now.witness.kind) {
    case 'wal-summary':
      return byKind(now.witness.kind, base, now, walSummaryDifference);
    case 'append-optimized':
      return byKind(now.witness.kind, base, now, appendOptimizedDifference);
    case 'file-stamp':
      return byKind(now.witness.kind, base, now, fileStampDifference);
  }
}

type SourceOf<Kind extends WitnessKind> = Extract<WitnessSource, { kind: Kind }>;
type WitnessOf<Kind extends WitnessKind> = Extract<RelationWitness, { kind: Kind }>;
type PairOf<Kind extends WitnessKind> = Pair<SourceOf<Kind>, WitnessOf<Kind>>;

function byKind<Kind extends WitnessKind>(
  kind: Kind,
  base: Witnessed,
  now: Witnessed,
  difference: (base: PairOf<Kind>, now: PairOf<Kind>) => Reason | undefined,
): Reason | undefined {
  if (base.witness.kind !== kind) return 'kind-changed';
  const [before, after] = [pairOf(kind, base), pairOf(kind, now)];
  return before === undefined || after === undefined
    ? 'history-unknown'
    : difference(before, after);
}

function pairOf<Kind extends WitnessKind>(
  kind: Kind,
  { content, witness }: Witnessed,
): PairOf<Kind> | undefined {
  const source = content.sources.find((one) => one.kind === kind);
  if (source === undefined || witness.kind !== kind) return undefined;
  return { source: source as SourceOf<Kind>, witness: witness as WitnessOf<Kind> };
}
