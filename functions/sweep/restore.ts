import { restorePrefix } from '../../backup-set/base/keys.ts';
import type { Deps } from '../deps.ts';
import { planRestore } from '../handlers/plan-restore.ts';
import { hasOutcome, loadRestore } from '../stored/load-restore.ts';
import { isOverdue, lastArrival, OVERDUE_AFTER_SECONDS } from '../stored/overdue.ts';
import type { SweepOptions, SweepReport } from './report.ts';

/**
 * Continues a restore whose event was lost. For an overdue restore it only reports the contents
 * that have not answered: their orders may still run (a phase can take hours), and only a segment
 * knows.
 * @returns true when the restore has ended.
 */
export async function sweepRestore(
  deps: Deps,
  restore: string,
  { overdueAfterSeconds = OVERDUE_AFTER_SECONDS }: SweepOptions,
  report: SweepReport,
): Promise<boolean> {
  if (await hasOutcome(deps, restore)) return true;
  await planRestore(deps, restore);
  const loaded = await loadRestore(deps, restore);
  if (loaded === undefined) return hasOutcome(deps, restore);
  const { step } = loaded;
  const last = await lastArrival(deps, restorePrefix(restore));
  if (step.kind === 'ended' || last === undefined) return false;
  if (!(await isOverdue(deps, last, overdueAfterSeconds))) return false;
  if (step.kind === 'counting') {
    const message = `no \`stowage restore\` has counted the rows in the target: nothing has arrived since ${last.toISOString()}`;
    deps.log.warn({ restore }, message);
    report.problems.push({ restore, message });
    return false;
  }
  const { phase, contents: awaiting } = step;
  const message = `phase ${phase} waits for content ${awaiting.join(', ')}: no object was stored since ${last.toISOString()}`;
  deps.log.warn({ restore, phase, awaiting }, message);
  report.problems.push({ restore, message });
  return false;
}
