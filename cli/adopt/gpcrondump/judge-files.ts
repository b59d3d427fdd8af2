import { StowageError } from '../../../backup-set/base/errors.ts';
import { smallFile } from '../files/decompressed.ts';
import { UnsoundScript } from '../script/unsound.ts';
import { type SetProblem, UnsoundSet } from '../set-problem.ts';
import type { FoundFile } from './find-files.ts';
import { type Report, type ReportedDump, statusProblem } from './report.ts';

/** A report, a list or the globals. @throws UnsoundSet when it cannot be read. */
export async function textFile({ placed, name }: FoundFile, signal: AbortSignal): Promise<Buffer> {
  try {
    return await smallFile(placed, signal);
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    throw new UnsoundSet([{ file: name, message: error.message }]);
  }
}

/** A name that is there twice with other bytes is a problem: which one is of the set? */
export async function uniqueFiles(
  files: readonly FoundFile[],
  problems: SetProblem[],
): Promise<readonly FoundFile[]> {
  const unique = new Map<string, FoundFile>();
  for (const file of files) {
    const other = unique.get(file.name);
    if (other === undefined) unique.set(file.name, file);
    else
      problems.push({
        file: file.path,
        message: `a file of this name is also at ${other.path}: pass the folders of one copy of the set`,
      });
  }
  return [...unique.values()];
}

/** What the report itself says. */
export function judgeReport(report: Report, timestamp: string, file: string): SetProblem[] {
  const { dumps, endsWell } = report;
  const problem = (message: string): SetProblem => ({ file, message });
  if (dumps.length === 0) return [problem('it is empty, or names no dump: gpcrondump was stopped')];
  const contents = [...new Set(dumps.map(({ content }) => content))].filter((one) => one >= 0);
  const dbids = new Map(dumps.map(({ content, dbid }) => [content, dbid]));
  return [
    ...(report.timestamp === timestamp
      ? []
      : [problem(`it is of ${report.timestamp ?? 'no timestamp'}`)]),
    ...(endsWell ? [] : [problem('it does not end with "finished successfully"')]),
    ...contents
      .sort((a, b) => a - b)
      .flatMap((content, at) =>
        content === at ? [] : [problem(`it names segment ${content}, but not segment ${at}`)],
      )
      .slice(0, 1),
    ...dumps.flatMap(({ content, dbid }, at) => {
      const isTwice = content >= 0 && dumps.findIndex((other) => other.content === content) !== at;
      const isOther = dbids.get(content) !== dbid;
      return isTwice || isOther ? [problem(`it names segment ${content} twice`)] : [];
    }),
    ...(new Set(dumps.map(({ database }) => database)).size > 1
      ? [problem('it names several databases')]
      : []),
    ...(contents.length === 0 ? [problem('it names no segment')] : []),
  ];
}

/** @throws StowageError `adopt/unsupported` */
export function refuseUnsupported(report: Report, timestamp: string): void {
  const refuse = (what: string): never => {
    throw new StowageError('adopt/unsupported', `set ${timestamp} ${what}`);
  };
  if (!['Full', 'Incremental', undefined].includes(report.backupType))
    refuse(`has an unknown Backup Type: ${report.backupType}`);
}

/** What report, status file and file say of one dump. */
export async function judgeFile(
  dump: ReportedDump,
  file: FoundFile | undefined,
  files: readonly FoundFile[],
  signal: AbortSignal,
): Promise<SetProblem[]> {
  const problems: SetProblem[] = [];
  const at = dump.content >= 0 ? { content: dump.content } : {};
  const add = (name: string, message: string) => problems.push({ file: name, ...at, message });
  if (dump.failure !== undefined) add(dump.file, `the report says that it failed: ${dump.failure}`);
  if (file === undefined) add(dump.file, 'the report names this file, and it is missing');
  else if (file.dbid !== dump.dbid)
    add(dump.file, `the report says that it is of dbid ${dump.dbid}`);
  if (dump.isPostData) return problems;
  const status = dump.file.replace(/gp_dump_(?!status_)/, 'gp_dump_status_').replace(/\.gz$/, '');
  const found = files.find(({ name }) => name === status);
  if (found === undefined) add(status, 'the status file of a dump is missing');
  else {
    const reason = statusProblem((await textFile(found, signal)).toString('utf8'));
    if (reason !== undefined) add(status, reason);
  }
  return problems;
}

/** Dumps of the same timestamp that the report does not name. */
export function unreported({ dumps }: Report, files: readonly FoundFile[]): SetProblem[] {
  const named = new Set(dumps.map(({ file }) => file));
  return files.flatMap(({ kind, name }) =>
    (kind === 'dump' || kind === 'post_data') && !named.has(name)
      ? [{ file: name, message: 'the report does not name this dump' }]
      : [],
  );
}
