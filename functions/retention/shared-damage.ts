import type { Deps } from '../deps.ts';
import { damagedPacksIn } from '../sets/damaged-packs.ts';
import { apart } from '../stored/unreadable.ts';
import type { SetFacts } from './facts.ts';

/**
 * The same facts, with the damage that only the check of another set has found: a set whose pack is
 * damaged must not take the place of a sound one. Such a set is judged from that check on.
 */
export async function withSharedDamage(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
): Promise<Map<string, SetFacts>> {
  const damaged = damagedPacksIn(
    [...facts.values()].map(({ timestamp, verdict }) => ({ timestamp, verdict })),
  );
  const judged = new Map<string, SetFacts>();
  for (const [timestamp, set] of facts) {
    const { needs, status, verdict } = set;
    const using = { timestamp, needs: needs.kind === 'manifest' ? needs.sets : [], verdict };
    const used = () => damaged.usedBy(deps, using);
    let unreadable: string | undefined;
    const packs =
      status === 'complete'
        ? await apart(deps, `set ${timestamp} is kept, its packs are not known`, used, (found) => {
            unreadable = found.message;
            return [];
          })
        : [];
    if (unreadable !== undefined) {
      judged.set(timestamp, { ...set, status: 'unknown', unreadable });
      continue;
    }
    const times = packs.flatMap(({ foundIn }) => facts.get(foundIn)?.judgedAt ?? []);
    const judgedAt = new Date(Math.max(0, ...times.map((at) => at.getTime())));
    judged.set(timestamp, packs.length === 0 ? set : { ...set, status: 'damaged', judgedAt });
  }
  return judged;
}
