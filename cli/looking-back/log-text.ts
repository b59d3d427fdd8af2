import { plural } from '../../backup-set/base/words.ts';
import type { LogEntry } from '../../functions/looking-back/log/log.ts';
import { bytes, duration } from '../output/format.ts';

/** One sentence about an entry of the log. */
export function entryText(entry: LogEntry): string {
  if (entry.unreadable !== undefined) return `${entry.what}: cannot be read: ${entry.unreadable}`;
  return `${sentence(entry)}${byText(entry)}`;
}

/** Whether an entry is a failure. */
export function isBad({ status, unreadable }: LogEntry): boolean {
  const isGood = status === undefined || ['complete', 'restored', 'done'].includes(status);
  return !isGood || unreadable !== undefined;
}

function sentence(entry: LogEntry): string {
  const { restore = '', database = '', status = '', why, to = '' } = entry;
  switch (entry.what) {
    case 'backup-began':
      return `backup of ${database} began`;
    case 'backup-complete':
      return `backup of ${database} complete: ${volume(entry)}`;
    case 'backup-failed':
      return `backup failed: ${why ?? 'no reason recorded'}${others(entry)}`;
    case 'verdict':
      if (entry.level === 'drill') return drillSentence(entry);
      return `${entry.level ?? ''}: ${status}${counts(entry)}`;
    case 'held':
      return `held${because(why)}`;
    case 'released':
      return `hold released${because(why)}`;
    case 'expired':
      return `expired${because(why)}`;
    case 'unexpired':
      return 'expiry taken back';
    case 'removal-began':
      return 'removal began';
    case 'reading':
      return `read${because(why)}`;
    case 'locks':
      return `locks extended ${why ?? ''}: ${status}${counts(entry)}`;
    case 'asked':
      return `restore ${restore} into target ${to} asked for in the console${because(why)}`;
    case 'asked-taken':
      return `request ${restore} taken`;
    case 'asked-ended':
      return `request ${restore} ${status}${because(why)}`;
    case 'restore-requested':
      return `restore ${restore} into ${to} requested${because(why)}`;
    case 'restore-ended':
      return `restore ${restore} ${status}: ${volume(entry)}${counts(entry)}`;
    case 'verify-requested':
      return 'verification requested';
    case 'verify-ended':
      return `verification ended: ${status}${counts(entry)}`;
    case 'copy-requested':
      return 'copy requested';
    case 'copy-ended':
      return `copy to ${to}: ${status}${counts(entry)}`;
    case 'expiry-run':
      return 'scheduled expiry ran';
    case 'run-began':
      return `schedule: ${entry.entry ?? ''} began${because(why)}`;
    case 'run-ended':
      return `schedule: ${entry.entry ?? ''} ${status}${took(entry)}${because(why)}`;
    case 'exported':
      return `${why ?? 'rows'} of ${database} exported to ${to}: ${volume(entry)}`;
  }
}

function drillSentence(entry: LogEntry): string {
  const { status, problemsTotal = 0, tables = 0, why } = entry;
  if (status === 'complete') return `drill passed: ${volume(entry)} restored${took(entry)}`;
  const restored = tables === 0 ? '' : ` (${volume(entry)} restored)`;
  return `drill failed${restored}: ${plural(problemsTotal, 'problem')}${because(why)}`;
}

const took = ({ ms }: LogEntry) => (ms === undefined ? '' : ` in ${duration(ms)}`);

const because = (why: string | undefined) => (why === undefined || why === '' ? '' : `: ${why}`);

const byText = ({ by }: LogEntry) => (by === undefined ? '' : `, by ${by}`);

function volume({ tables, rows, bytes: size, newBytes }: LogEntry): string {
  return [
    ...(tables === undefined ? [] : [plural(tables, 'table')]),
    ...(rows === undefined ? [] : [plural(rows, 'row')]),
    ...(size === undefined ? [] : [bytes(size)]),
    ...(newBytes === undefined ? [] : [`${bytes(newBytes)} new`]),
  ].join(', ');
}

function others({ problemsTotal = 0 }: LogEntry): string {
  return problemsTotal > 1 ? `, and ${plural(problemsTotal - 1, 'other failure')}` : '';
}

function counts({ problemsTotal = 0, warningsTotal = 0 }: LogEntry): string {
  return [
    ...(problemsTotal > 0 ? [`, ${plural(problemsTotal, 'problem')}`] : []),
    ...(warningsTotal > 0 ? [`, ${plural(warningsTotal, 'warning')}`] : []),
  ].join('');
}
