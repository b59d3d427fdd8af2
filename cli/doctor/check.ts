import { printable, table } from '../output/format.ts';

/** One thing looked at. */
export interface Check {
  readonly of: string;
  readonly name: string;
  readonly ok: boolean;
  /** Worth reading, but keeps no backup from working. */
  readonly remark?: true;
  /** What was found, and what to do about it when it is not as it should be. */
  readonly detail: string;
}

export function tableOf(checks: readonly Check[]): string {
  const bad = checks.filter(({ ok }) => !ok).length;
  return [
    table(
      ['', 'of', 'check', 'found'],
      checks.map((check) => [statusOf(check), check.of, check.name, printable(check.detail)]),
    ),
    '',
    bad === 0 ? 'all is well' : `${bad} of ${checks.length} checks failed`,
  ].join('\n');
}

function statusOf({ ok, remark }: Check): string {
  if (!ok) return 'BAD';
  return remark === true ? 'note' : 'ok';
}
