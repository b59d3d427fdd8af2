import { isStowageError } from '../../../backup-set/base/errors.ts';

const CODES = [
  ...(['set/damaged', 'set/unreadable', 'set/incomplete', 'set/not-found'] as const),
  ...(['encryption/no-key', 'encryption/no-identity', 'encryption/plain-set'] as const),
  ...(['storage/not-found', 'storage/changed', 'storage/invalid', 'storage/too-large'] as const),
];

/** Every refusal has a code, and names an object or the set. */
export const REFUSAL = /^(set|encryption|storage)\/.*sets\/\d|^(set|encryption).*set \d{14}/s;

/** What a reader of a set returns; or by which code it refuses the set, and where. */
export async function outcomeOf(run: () => Promise<string>): Promise<string> {
  try {
    return await run();
  } catch (error) {
    if (!isStowageError(error, ...CODES)) throw error;
    return `${error.code}: ${error.message} ${error.where.object ?? ''}`;
  }
}
