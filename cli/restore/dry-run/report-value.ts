import { boundedProblems } from '../../../backup-set/base/verdict.ts';
import { mappedFields } from '../mapped/text.ts';
import type { DryRun } from './dry-run.ts';
import { mappedIn } from './dry-run.ts';

/** What `stowage restore --dry-run --json` prints: everything as fields. */
export function reportValue(run: DryRun) {
  const { check, target, plan, estimate, notInSet, secrets, reasons } = run;
  const { request, manifest } = check;
  const { problems, problemsTotal } = boundedProblems(reasons);
  return {
    dryRun: true,
    canBegin: problemsTotal === 0,
    timestamp: request.timestamp,
    database: request.target.database,
    databaseOfSet: manifest.database,
    mode: request.mode,
    ...(request.resumes !== undefined && { resumes: request.resumes }),
    target: target?.contents ?? request.target.contents,
    ...(plan !== undefined && { totals: plan.totals, contents: plan.contents }),
    estimate:
      typeof estimate === 'string'
        ? { ms: null, why: estimate }
        : {
            ms: Math.round(estimate.ms),
            from: { restore: estimate.from.id, bytes: estimate.from.bytes, ms: estimate.from.ms },
          },
    ...mappedFields(mappedIn(run)),
    needs: target?.needs ?? [],
    disks: target?.disks ?? { known: [], unknown: [] },
    notKnown: target?.unread ?? [],
    notInSet,
    secrets,
    reasons: problems,
    reasonsTotal: problemsTotal,
  };
}
