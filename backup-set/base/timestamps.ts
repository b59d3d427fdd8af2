import * as z from 'zod';

/** `YYYYMMDDHHMMSS`, UTC: the key of a set. */
export const Timestamp = z
  .string()
  .regex(/^\d{14}$/, 'a timestamp has 14 digits: YYYYMMDDHHMMSS')
  .refine(isCalendarDate, 'no such date and time');
/** `YYYYMMDDHHMMSSmmm`, UTC: names a verdict or a restore. */
export const Instant = z
  .string()
  .regex(/^\d{17}$/)
  .refine(isCalendarDate, 'no such date and time');
/** `<instant>-<8 hex>`: the key of a restore. */
export const RestoreId = z
  .string()
  .regex(/^\d{17}-[0-9a-f]{8}$/)
  .refine((id) => isCalendarDate(id.slice(0, 17)), 'no such date and time');

/**
 * Work that is cut into slices: reading every byte again, and copying to the alternate location.
 */
export const SLICE_WORKS = ['verify', 'replicate'] as const;
export type SliceWork = (typeof SLICE_WORKS)[number];

const TASK = new RegExp(`^(\\d{17})-(\\d{14})-(${SLICE_WORKS.join('|')})$`);
/** `<instant>-<timestamp>-<work>`: the key of a task, which is sliced work on one set. */
export const TaskId = z
  .string()
  .regex(TASK)
  .refine((id) => id.split('-').slice(0, 2).every(isCalendarDate), 'no such date and time');

/** The parts of a task's id. */
export function partsOfTask(task: string): { instant: string; timestamp: string; work: SliceWork } {
  const [, instant = '', timestamp = '', name] = TASK.exec(task) ?? [];
  return { instant, timestamp, work: SLICE_WORKS.find((work) => work === name) ?? 'verify' };
}

export function timestampOf(date: Date): string {
  return instantOf(date).slice(0, 14);
}

export function instantOf(date: Date): string {
  return date.toISOString().replace(/\D/g, '');
}

/** The date of a timestamp or instant. */
export function dateOf(digits: string): Date {
  const [, year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})?$/.exec(digits) ?? [];
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms ?? '000'}Z`);
}

function isCalendarDate(digits: string): boolean {
  const date = dateOf(digits);
  return !Number.isNaN(date.getTime()) && instantOf(date).startsWith(digits);
}
