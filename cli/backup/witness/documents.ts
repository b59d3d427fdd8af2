import { digestOf, encode } from '../../../backup-set/base/document.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { Witnesses } from '../../../backup-set/documents/witnesses.ts';
import type { Decided } from '../../../backup-set/witness/decide.ts';

/** What was decided for the contents that have witnesses. */
export type DecidedContents = ReadonlyMap<number, Decided>;

/** witnesses/<content>.json of a set, by content. */
export function witnessDocuments(
  decided: DecidedContents | undefined,
  timestamp: string,
): ReadonlyMap<number, Uint8Array> {
  return new Map(
    [...(decided ?? [])].map(([content, one]) => [
      content,
      encode(Witnesses, one.document(timestamp, content)),
    ]),
  );
}

/** The plan that pins these documents. */
export function withPins(plan: Plan, documents: ReadonlyMap<number, Uint8Array>): Plan {
  if (documents.size === 0) return plan;
  return {
    ...plan,
    contents: plan.contents.map((planned) => {
      const bytes = documents.get(planned.content);
      return bytes === undefined ? planned : { ...planned, witnesses: digestOf(bytes) };
    }),
  };
}
