import { ERRORS } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { table } from '../output/table/table.ts';
import type { HostReport } from './run.ts';

/** State → what it means for the operator. */
const STATES: Readonly<Record<HostReport['state'], string>> = {
  ready: 'ready',
  package: 'ready: its shipper is from a package',
  here: 'this machine: stowage itself ships its segments',
  installed: 'installed',
  outdated: 'OUTDATED: another version',
  damaged: 'DAMAGED: a file has changed',
  absent: 'ABSENT',
  failed: 'FAILED',
};
const GOOD: readonly HostReport['state'][] = ['ready', 'package', 'here', 'installed'];

/** True when the shipper of the host can be started. */
export const isGood = ({ state }: HostReport) => GOOD.includes(state);

/** One line per host, the failures last, and what to do next. */
export function textOf(reports: readonly HostReport[], folder: string, installs: boolean): string {
  const [good, bad] = [reports.filter(isGood), reports.filter((report) => !isGood(report))];
  const rows = [...good, ...bad].map((report) => [
    report.host,
    report.machine,
    report.glibc,
    report.had?.replace(/^stowage /, ''),
    report.error?.message.replace(`${report.host}: `, '') ?? STATES[report.state],
  ]);
  const columns = [
    'host',
    'machine',
    { title: 'glibc', align: 'right' as const },
    { title: installs ? 'had' : 'has', align: 'left' as const },
    { title: 'now', cut: 'fold' as const, min: 30 },
  ];
  return [table(columns, rows), '', ...lastLines(good, bad, folder, installs)].join('\n');
}

function lastLines(
  good: readonly HostReport[],
  bad: readonly HostReport[],
  folder: string,
  installs: boolean,
): string[] {
  const total = plural(good.length + bad.length, 'host');
  const codes = new Set(bad.flatMap(({ error }) => error?.code ?? []));
  if (bad.length > 0)
    return [
      ...[...codes].map((code) => `${code}: ${ERRORS[code].hint}`),
      `${bad.length} of ${total} ${bad.length === 1 ? 'is' : 'are'} not ready: ${installs ? 'correct what their lines name, and run `stowage hosts install` again' : 'run `stowage hosts install`'}`,
    ];
  const viaFolder = good.some(({ state }) => state === 'ready' || state === 'installed');
  return [
    `${total} ready`,
    ...(viaFolder
      ? [
          `shippers.command must end with: ${folder}/current/stowage-segment-shipper (then run \`stowage doctor\`)`,
        ]
      : []),
  ];
}
