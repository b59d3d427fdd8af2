/** One line of a report: a dump file, and whether the tool calls it good. */
export interface ReportedDump {
  /** −1: the master. */
  readonly content: number;
  readonly dbid: number;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** The name of the file, without its folder. */
  readonly file: string;
  readonly folder: string;
  readonly isPostData: boolean;
  /** Undefined: succeeded. */
  readonly failure: string | undefined;
}

/** What gp_dump_TS.rpt says. */
export interface Report {
  readonly timestamp: string | undefined;
  readonly options: string;
  readonly backupType: string | undefined;
  readonly dumps: readonly ReportedDump[];
  readonly endsWell: boolean;
}

const LINE =
  /^\t(?:segment (\d+)|Master) \(dbid (\d+)\) Host (\S+) Port (\d+) Database (.+) BackupFile (.+?): (Succeeded|Failed with error:)\s*$/;
const POST_DATA = /^(.*?)(\.gz)?_post_data$/;

/** Reads a report. A line that is not understood makes no dump: the rules then miss it. */
export function parseReport(text: string): Report {
  const lines = text.split('\n');
  const value = (name: string) => {
    const line = lines.find((candidate) => candidate.startsWith(`${name}:`));
    return line?.slice(name.length + 1).trim();
  };
  return {
    timestamp: value('Timestamp Key'),
    options: value('gp_dump Command Line') ?? '',
    backupType: value('Backup Type'),
    dumps: lines.flatMap((line, at) => dumpIn(line, lines, at)),
    endsWell: lines.at(-1) === '' && lines.at(-2) === 'gp_dump utility finished successfully.',
  };
}

function dumpIn(line: string, lines: readonly string[], at: number): ReportedDump[] {
  const [, content, dbid, host = '', port, database = '', path = '', state] = LINE.exec(line) ?? [];
  if (dbid === undefined) return [];
  const name = path.slice(path.lastIndexOf('/') + 1);
  // The report says `x.gz_post_data`, and the file is `x_post_data.gz`.
  const [, stem, gz = ''] = POST_DATA.exec(name) ?? [];
  return [
    {
      content: content === undefined ? -1 : Number(content),
      dbid: Number(dbid),
      host,
      port: Number(port),
      database,
      file: stem === undefined ? name : `${stem}_post_data${gz}`,
      folder: path.slice(0, Math.max(0, path.lastIndexOf('/'))),
      isPostData: stem !== undefined,
      failure: state === 'Succeeded' ? undefined : firstError(lines, at),
    },
  ];
}

/** The first line of the braces behind a failure that says why. */
function firstError(lines: readonly string[], at: number): string {
  const behind = lines.slice(at + 1, at + 20);
  const error = behind.find((line) => line.includes('[ERROR]'));
  return error?.replace(/^.*\[ERROR\]:-/, '').trim() ?? 'the report does not say why';
}

/** Whether a status file says that its dump ended well. */
export function statusProblem(text: string): string | undefined {
  const error = /\[(?:ERROR|FATAL|CRITICAL)\]:-(.*)/.exec(text)?.[1];
  if (error !== undefined) return error.trim();
  const lines = text.trimEnd().split('\n');
  const ends = lines.at(-1)?.endsWith(']:-Finished successfully') === true;
  return ends ? undefined : 'it does not end with "Finished successfully"';
}
