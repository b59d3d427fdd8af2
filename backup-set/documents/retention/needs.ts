import * as z from 'zod';
import { Content, header } from '../../base/document.ts';
import { formatKey, parseKey, shipmentName } from '../../base/keys.ts';
import { Timestamp } from '../../base/timestamps.ts';

/**
 * manifest/needs.json: the packs of other sets that a set uses. Expiry reads it in place of the
 * parts of the manifest, which list every extent. `manifest.json` pins it.
 */
export const Needs = z.object({
  ...header('needs'),
  timestamp: Timestamp,
  /** By set and content. `packs` are names without folder and ending: `1-2-000003`. */
  packs: z.array(z.object({ set: Timestamp, content: Content, packs: z.array(z.string()) })),
});
export type Needs = z.infer<typeof Needs>;

/** The keys of all packs in a list of needs. */
export function* packsOf({ packs }: Pick<Needs, 'packs'>): Generator<string> {
  for (const { set, content, packs: names } of packs)
    for (const name of names) {
      const [attempt = 0, worker = 0, sequence = 0] = name.split('-').map(Number);
      yield formatKey({ kind: 'pack', timestamp: set, content, attempt, worker, sequence });
    }
}

/** Collects the packs of other sets, in any order. Equal packs give equal lists. */
export function gatherNeeds(timestamp: string) {
  const found = new Map<string, { set: string; content: number; packs: Set<string> }>();
  return {
    add(text: string) {
      const key = parseKey(text);
      if (key?.kind !== 'pack' || key.timestamp === timestamp) return;
      const group = `${key.timestamp} ${key.content}`;
      const known = found.get(group);
      const into = known ?? { set: key.timestamp, content: key.content, packs: new Set() };
      if (known === undefined) found.set(group, into);
      into.packs.add(shipmentName(key));
    },
    list: (): Needs['packs'] =>
      [...found.values()]
        .map(({ set, content, packs }) => ({ set, content, packs: [...packs].sort() }))
        .sort((a, b) => (a.set === b.set ? a.content - b.content : a.set < b.set ? -1 : 1)),
  };
}
