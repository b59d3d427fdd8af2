import type { Plan } from '../../../backup-set/documents/plan.ts';
import { bytes } from '../../output/format.ts';

/** Why no rows of the base are recognised by their digests. */
export type DigestFault = 'no-key' | 'another-key';

/** Undefined: digests of the set and of its base can be compared, or there is no base. */
export function digestFault({
  base,
  encryption,
}: Pick<Plan, 'base' | 'encryption'>): DigestFault | undefined {
  if (base === undefined || encryption === undefined) return undefined;
  const { digestKeyId, older = [] } = encryption;
  if (digestKeyId === undefined) return 'no-key';
  const before = older.find(({ timestamp }) => timestamp === base.timestamp)?.digestKeyId;
  return before === digestKeyId ? undefined : 'another-key';
}

/** How much of the rows lies in packs of older sets, and why rows were stored again. */
export function carriedLines(
  plan: Pick<Plan, 'base' | 'encryption'>,
  { bytes: whole, carriedBytes }: { readonly bytes: number; readonly carriedBytes: number },
): string[] {
  if (plan.base === undefined) return [];
  const { timestamp } = plan.base;
  const fault = digestFault(plan);
  return [
    ...(fault !== undefined && carriedBytes === 0
      ? []
      : [
          `carried ${bytes(carriedBytes)} of ${bytes(whole)} from set ${timestamp} and its older sets: the rows are the same`,
        ]),
    ...(fault === undefined ? [] : [SAID[fault](timestamp)]),
  ];
}

const SAID: Readonly<Record<DigestFault, (base: string) => string>> = {
  'no-key': () =>
    'rows that were read are stored again, also those that did not change: encryption.digestKeyFile is not set',
  'another-key': (base) =>
    `rows that were read are stored again, also those that did not change: set ${base} was made with another key in encryption.digestKeyFile, or without one. The next set carries rows again`,
};
