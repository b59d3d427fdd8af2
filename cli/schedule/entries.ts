import type { Config } from '../config/schema.ts';
import { type EntryConfig, JOB_NAMES, type JobName, spanMs } from './schema.ts';
import type { Times } from './times.ts';

/** An entry of the schedule, with the defaults of its block. */
export interface Entry extends Times {
  readonly name: string;
  readonly job: JobName;
  /** The command and its flags, without those of the configuration. */
  readonly args: readonly string[];
  readonly jitterMs: number;
  readonly catchUpMs: number;
  readonly timeoutMs: number;
}

/** The entries of a configuration, by name. */
export function entriesOf({ schedule }: Pick<Config, 'schedule'>): Entry[] {
  if (schedule === undefined) return [];
  return Object.entries(schedule.entries)
    .map(([name, entry]) => ({
      name,
      job: jobOf(entry),
      args: argsOf(entry),
      cron: entry.at,
      timeZone: entry.timeZone ?? schedule.timeZone,
      jitterMs: spanMs(entry.jitter ?? schedule.jitter),
      catchUpMs: spanMs(entry.catchUp ?? schedule.catchUp),
      timeoutMs: spanMs(entry.timeout ?? schedule.timeout),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether the schedule itself runs expiry. */
export function expiresBySchedule(config: Pick<Config, 'schedule'>): boolean {
  return entriesOf(config).some(({ job }) => job === 'expire');
}

function jobOf(entry: EntryConfig): JobName {
  return JOB_NAMES.find((job) => entry[job] !== undefined) ?? 'backup';
}

function argsOf({ backup, verify, drill, expire }: EntryConfig): string[] {
  if (backup !== undefined) {
    const { databases } = backup;
    return [
      'backup',
      ...given('--full', backup.full),
      ...(backup.tags ?? []).flatMap((tag) => ['--tag', tag]),
      ...(databases === undefined ? [] : ['--databases', [databases].flat().join(',')]),
      ...(backup.through === undefined ? [] : ['--through', backup.through]),
    ];
  }
  if (verify !== undefined) return ['verify', 'latest', ...given('--remote', verify.remote)];
  if (drill !== undefined)
    return [
      'drill',
      ...given('--throwaway', drill.throwaway),
      ...(drill.into === undefined ? [] : ['--into', drill.into]),
      ...(drill.sample === undefined ? [] : ['--sample', String(drill.sample)]),
      ...(drill.tables ?? []).flatMap((table) => ['--tables', table]),
      ...given('--all', drill.all),
    ];
  return expire === undefined ? [] : ['expire', '--yes'];
}

const given = (flag: string, value: boolean | undefined) => (value === true ? [flag] : []);
