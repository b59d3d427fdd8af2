import { describeBlocker } from '../../database/barrier/blocker.ts';
import type { Blocked } from '../../database/flavour.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';

/**
 * Says what blocks the attempts of a barrier: one line per cause, however often it is tried. Every
 * attempt is an event with --json; the line of the snapshot, or the error, has their number.
 */
export function noteBlocked({
  output,
  config,
}: Pick<ClusterContext, 'output' | 'config'>): (blocked: Blocked) => void {
  const said = new Set<string>();
  const attemptsMax = config.backup.lockAttempts;
  return (blocked) => {
    const { content, attempt, relation, blockers, lateMs } = blocked;
    // Not its query: one session can wait in several states.
    const causes = blockers.map(({ pid, prepared }) => prepared?.gid ?? pid);
    const cause = JSON.stringify([content, relation, ...causes]);
    const isNew = !said.has(cause);
    said.add(cause);
    const blockedBy = blockers.map(describeBlocker).join('; ');
    const what = lateMs === undefined ? relation || 'a table' : 'all tables';
    const late = lateMs === undefined ? '' : `; no session blocked it within ${lateMs / 1000} s`;
    const line = `content ${content}: attempt ${attempt} of ${attemptsMax} to lock ${what} timed out${blockedBy && `; blocked by ${blockedBy}`}${late}`;
    const next = attempt < attemptsMax ? '; trying again' : '';
    output.note('blocked', { ...blocked }, isNew ? printable(`${line}${next}`) : undefined);
  };
}
