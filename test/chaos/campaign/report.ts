import type { Ended } from './command.ts';
import { codesOf } from './judge/judge.ts';
import type { Fault } from './plan.ts';
import type { RunResult } from './run.ts';

/** One run as a line of JSON. */
export function lineOf(result: RunResult): string {
  const { plan, fired, backup, restores, complete, findings, transfers, ddl, ms } = result;
  const { seed, theme, agents, writers, workers, packBytes } = plan;
  return JSON.stringify({
    seed,
    theme,
    findings,
    fired: fired.map(({ fault, what }) => ({ ...fault, what })),
    planned: plan.faults.length,
    backup: { ...endOf(backup), complete },
    restores: restores.map((restore, at) => ({ ...plan.restores[at], ...endOf(restore) })),
    agents,
    writers,
    ddl,
    transfers,
    workers,
    packBytes,
    ms,
  });
}

function endOf(ended: Ended) {
  const { code, result, ms } = ended;
  return { code, status: result?.json?.status, codes: codesOf(result), ms };
}

const nameOf = ({ on, kind }: Fault) => `${on} ${kind}`;

/** Numbers of runs, faults, claims and findings. */
export function summaryOf(results: readonly RunResult[]): string {
  const count = (list: readonly unknown[]) => list.length;
  const fired = results.flatMap((result) => result.fired);
  const planned = results.flatMap(({ plan }) => plan.faults);
  const restores = results.flatMap((result) => result.restores);
  const findings = results.flatMap((result) => result.findings);
  const kinds = [...new Set(planned.map(nameOf))].sort();
  const rows = [
    `runs ${results.length}, faults planned ${planned.length}, took effect ${new Set(fired.map(({ fault }) => fault)).size}`,
    ...kinds.map((kind) => {
      const of = new Set(
        fired.filter(({ fault }) => nameOf(fault) === kind).map(({ fault }) => fault),
      );
      return `  ${kind.padEnd(24)} ${of.size} of ${count(planned.filter((fault) => nameOf(fault) === kind))}`;
    }),
    `backups: ${tally(results.map(({ backup }) => backup))}; sets complete ${count(results.filter(({ complete }) => complete))}`,
    `restores: ${tally(restores)}`,
    `runs with writers ${count(results.filter(({ plan }) => plan.writers))}, with DDL ${count(results.filter(({ plan }) => plan.ddl))}, with agents ${count(results.filter(({ plan }) => plan.agents))}, with concurrent restores ${count(results.filter(({ plan }) => plan.restores.length > 1))}`,
    `findings: ${FINDINGS.map((kind) => `${kind} ${count(findings.filter((found) => found.kind === kind))}`).join(', ')}`,
    ...results.flatMap(({ plan, findings: of }) =>
      of.map(
        ({ kind, what }) => `  seed ${plan.seed} (${plan.theme}) ${kind}: ${what.slice(0, 300)}`,
      ),
    ),
  ];
  return rows.join('\n');
}

const FINDINGS = [
  'false claim',
  'hang',
  'documented hang',
  'leftover',
  'no code',
  'defect',
] as const;

/** `exit 0 ×12, exit 3 ×4`. */
function tally(ended: readonly Ended[]): string {
  const groups = Map.groupBy(ended, ({ code }) => (code === null ? 'killed' : `exit ${code}`));
  return [...groups]
    .map(([name, { length }]) => `${name} ×${length}`)
    .sort()
    .join(', ');
}
