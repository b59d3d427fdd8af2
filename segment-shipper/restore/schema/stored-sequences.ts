import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import type { SequenceValue } from '../../../database/catalog/sequences.ts';
import { parseSequenceValues } from '../../../database/target/sequence-values.ts';
import type { ShipperDeps } from '../../deps.ts';
import { readText } from '../../read/read-text.ts';

/** The values of sequences in the set: one list for each content that goes into this server. */
export async function storedSequences(
  { sequences, moreSequences = [] }: Pick<OrderOf<'post-data'>, 'sequences' | 'moreSequences'>,
  deps: ShipperDeps,
): Promise<SequenceValue[][]> {
  const lists: SequenceValue[][] = [];
  for (const stored of sequences === undefined ? [] : [sequences, ...moreSequences]) {
    const text = await readText(deps.store, stored, deps);
    lists.push(parseSequenceValues(text.toString('utf8'), stored.key));
  }
  return lists;
}
