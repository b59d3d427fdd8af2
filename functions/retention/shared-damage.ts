import type { Deps } from '../deps.ts';
import { damagedPacksIn } from '../sets/damaged-packs.ts';
import { isPast } from '../stored/judgement.ts';
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
  const inDoubt = [...facts.values()].filter(({ hidden }) => hidden !== undefined);
  const judged = new Map<string, SetFacts>();
  for (const [timestamp, set] of facts) {
    const { needs, status, verdict } = set;
    if (status !== 'complete') {
      judged.set(timestamp, set);
      continue;
    }
    const using = { timestamp, needs: needs.kind === 'manifest' ? needs.sets : [], verdict };
    let unreadable = hiddenFrom(set, inDoubt);
    const packs = await apart(
      deps,
      `set ${timestamp} is kept, its packs are not known`,
      () => damaged.usedBy(deps, using),
      (found) => {
        unreadable = found.message;
        return [];
      },
    );
    const times = packs.flatMap(({ foundIn }) => facts.get(foundIn)?.judgedAt ?? []);
    const judgedAt = new Date(Math.max(0, ...times.map((at) => at.getTime())));
    if (packs.length > 0) judged.set(timestamp, { ...set, status: 'damaged', judgedAt });
    else if (unreadable !== undefined)
      judged.set(timestamp, { ...set, status: 'unknown', unreadable });
    else judged.set(timestamp, set);
  }
  return judged;
}

/**
 * Of a set that shares packs with another one, whose verdict cannot be read: why its packs may be
 * damaged. A later check of the set itself answers that.
 */
function hiddenFrom(set: SetFacts, inDoubt: readonly SetFacts[]): string | undefined {
  const folders = new Set(foldersOf(set));
  for (const other of inDoubt) {
    const { hidden, needs, timestamp } = other;
    if (hidden === undefined || isPast(hidden, set.verdict)) continue;
    const shares =
      foldersOf(other).some((folder) => folders.has(folder)) ||
      (needs.kind === 'unknown' && [...folders].some((folder) => folder < timestamp));
    if (shares) return hidden.message;
  }
  return undefined;
}

const foldersOf = ({ timestamp, needs }: SetFacts): readonly string[] =>
  needs.kind === 'manifest' ? [timestamp, ...needs.sets] : [timestamp];
