/** What gpbackup_TS_report says. */
export interface Report {
  readonly timestamp: string | undefined;
  readonly options: string;
  readonly status: string | undefined;
  readonly error: string | undefined;
}

/** Reads the lines `name: value` of a report. */
export function parseReport(text: string): Report {
  const lines = text.split('\n');
  const value = (name: string) => {
    const line = lines.find((candidate) => candidate.startsWith(`${name}:`));
    return line?.slice(name.length + 1).trim();
  };
  return {
    timestamp: value('timestamp key'),
    options: value('command line') ?? '',
    status: value('backup status'),
    error: value('backup error'),
  };
}

/** Why a report does not say that its backup ended well. */
export function reportProblems(text: string, timestamp: string): string[] {
  // The S3 plugin stores an empty report before a backup, to try its keys.
  if (text.trim() === '') return ['it is empty: gpbackup was stopped before its end'];
  const report = parseReport(text);
  const { status, error } = report;
  return [
    ...(report.timestamp === timestamp ? [] : [`it is of ${report.timestamp ?? 'no timestamp'}`]),
    ...(status === 'Success'
      ? []
      : [`it does not say "backup status: Success", but ${JSON.stringify(status ?? '')}`]),
    ...(error === undefined ? [] : [`it names an error: ${error}`]),
  ];
}
