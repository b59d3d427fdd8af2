import { writeFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { OTHERS_SHARE_MAX } from '../measure/measure.ts';
import type { Options } from '../options.ts';
import type { Tools } from '../setup/tools.ts';
import { plotOf } from './plot.ts';
import { type Bar, mediansOf, type ScenarioResult } from './result.ts';
import { barsTable, mediansTable, rowsTable } from './tables.ts';

export interface Report {
  readonly results: readonly ScenarioResult[];
  readonly options: Options;
  readonly tools: Tools;
  readonly storeName: string;
  readonly postgresVersion: string;
  readonly startedAt: Date;
}

/** Writes the files that the options name, and logs warnings about the last scenario. */
export async function writeReport(report: Report, say: (text: string) => void): Promise<void> {
  const { options, results } = report;
  const text = markdownOf(report);
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify(jsonOf(report), null, 1)}\n`);
  if (options.svg !== undefined) await writeFile(options.svg, plotOf(results));
  if (options.markdown !== undefined) await writeFile(options.markdown, text);
  for (const warning of warningsOf(results.slice(-1))) say(`WARNING: ${warning}`);
}

/** The report as Markdown, for docs/benchmarks.md. */
export function markdownOf(report: Report): string {
  const { results } = report;
  return [
    aboutOf(report),
    '',
    ...results.flatMap((result) => [
      `### ${result.name}`,
      '',
      `${sentence(result.title)}.`,
      ...result.notes,
      '',
      ...(result.text === undefined ? [] : ['```text', result.text, '```', '']),
      ...(result.rows.length === 0 ? [] : [mediansTable(result), '']),
      ...(result.bars.length === 0 ? [] : [barsTable(result.bars), '']),
      ...(result.rows.length === 0
        ? []
        : [
            '<details><summary>every run</summary>',
            '',
            rowsTable(result.rows),
            '',
            '</details>',
            '',
          ]),
    ]),
    ...warningsOf(results).map((warning) => `**${warning}**\n`),
  ].join('\n');
}

function aboutOf({ storeName, tools, startedAt, options, postgresVersion }: Report): string {
  const programs = Object.entries(tools.found).map(([name, { version }]) => `${name} ${version}`);
  return `${startedAt.toISOString().slice(0, 16)}Z, ${availableParallelism()} cores (${cpus()[0]?.model ?? '?'}), ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Linux ${release()}, Node ${process.version}, ${postgresVersion}, ${programs.join(', ')}. Store: ${storeName}; connections by ${options.sockets ? 'Unix socket' : 'TCP on 127.0.0.1'}.`;
}

/** All figures, for other programs. */
function jsonOf({ results, options, tools, storeName, startedAt, postgresVersion }: Report) {
  return {
    startedAt,
    machine: {
      cores: availableParallelism(),
      model: cpus()[0]?.model,
      memoryBytes: totalmem(),
      kernel: release(),
      arch: arch(),
    },
    versions: {
      node: process.version,
      postgres: postgresVersion,
      ...Object.fromEntries(
        Object.entries(tools.found).map(([name, { version }]) => [name, version]),
      ),
    },
    store: storeName,
    options,
    warnings: warningsOf(results),
    scenarios: results.map((result) => {
      const medians = mediansOf(result.rows);
      const floor = medians.find(({ contender }) => contender === result.floor);
      return {
        ...result,
        bars: result.bars.map((bar) => ({ ...bar, isMet: isMet(bar) })),
        medians: medians.map((one) => ({
          ...one,
          toFloor: floor && {
            total: one.totalSeconds / floor.totalSeconds,
            wall: one.wallSeconds / floor.wallSeconds,
          },
          toEach: Object.fromEntries(
            medians.map((peer) => [
              peer.contender,
              {
                total: one.totalSeconds / peer.totalSeconds,
                wall: one.wallSeconds / peer.wallSeconds,
              },
            ]),
          ),
        })),
      };
    }),
  };
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

const isMet = ({ measured, atMost }: Bar) =>
  measured === undefined ? undefined : measured <= atMost;

function warningsOf(results: readonly ScenarioResult[]): string[] {
  return results.flatMap(({ name, rows }) => {
    const worst = Math.max(0, ...rows.map(({ othersShare }) => othersShare));
    const busy = rows.filter(({ othersShare }) => othersShare > OTHERS_SHARE_MAX).length;
    return busy === 0
      ? []
      : [
          `BUSY MACHINE: in ${busy} of ${rows.length} runs of ${name}, other processes used more than ${OTHERS_SHARE_MAX * 100} % of the machine (maximum ${(worst * 100).toFixed(0)} %)`,
        ];
  });
}
