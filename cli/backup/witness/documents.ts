import { setImmediate } from 'node:timers/promises';
import { digestOf, encode } from '../../../backup-set/base/document.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { Witnesses } from '../../../backup-set/documents/witnesses.ts';
import type { Decided } from '../../../backup-set/witness/decide.ts';

/** What was decided for the contents that have witnesses. */
export type DecidedContents = ReadonlyMap<number, Decided>;

/** witnesses/<content>.json of a set. */
export const witnessDocument = (decided: Decided, timestamp: string, content: number) =>
  encode(Witnesses, decided.document(timestamp, content));

/** The plan that pins these documents. */
export async function withPins(plan: Plan, decided: DecidedContents | undefined): Promise<Plan> {
  if (decided === undefined || decided.size === 0) return plan;
  const pins = new Map<number, ReturnType<typeof digestOf>>();
  for (const [content, one] of decided) {
    // Those of many contents together take seconds, in which sessions would look silent.
    await setImmediate();
    pins.set(content, digestOf(witnessDocument(one, plan.timestamp, content)));
  }
  return {
    ...plan,
    contents: plan.contents.map((planned) => {
      const witnesses = pins.get(planned.content);
      return witnesses === undefined ? planned : { ...planned, witnesses };
    }),
  };
}
