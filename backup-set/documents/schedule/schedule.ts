import * as z from 'zod';
import { Count, header, IsoDate } from '../../base/document.ts';
import { NAME_FORM } from '../../base/keys/schedule-keys.ts';
import { Timestamp } from '../../base/timestamps.ts';
import { ExpirySummary } from '../retention/expiry-summary.ts';

const of = { entry: z.string().regex(NAME_FORM), scheduledAt: IsoDate };

/**
 * schedules/<instant>-<entry>/start.json: of all runners one creates it, and runs
 * (docs/design/0040-schedule.md).
 */
export const RunStart = z.object({
  ...header('schedule-start'),
  ...of,
  startedAt: IsoDate,
  /** Program, host and process. */
  by: z.string(),
  holder: z.string(),
  /** The command and its flags; no secret is among them. */
  args: z.array(z.string()),
  timeoutSeconds: Count,
  /** A missed run that is caught up. */
  late: z.literal(true).exactOptional(),
});
export type RunStart = z.infer<typeof RunStart>;

/**
 * schedules/<instant>-<entry>/order.json: asks for a run of this entry. It names no command: what
 * runs is in the configuration of the runner.
 */
export const RunOrder = z.object({
  ...header('schedule-order'),
  ...of,
  orderedAt: IsoDate,
  /** The program that asked. */
  by: z.string(),
});
export type RunOrder = z.infer<typeof RunOrder>;

/** schedules/<instant>-<entry>/end.json. */
export const RunEnd = z.object({
  ...header('schedule-end'),
  ...of,
  endedAt: IsoDate,
  elapsedMs: Count,
  /** Absent = a signal ended the process. */
  exitCode: z.int().exactOptional(),
  signal: z.string().exactOptional(),
  /** The error with which the command ended. */
  code: z.string().exactOptional(),
  message: z.string().exactOptional(),
  /** The set that it made or checked. */
  set: Timestamp.exactOptional(),
  /** What a run of expiry did. */
  expiry: ExpirySummary.exactOptional(),
  /** Why the runner ended it. */
  stopped: z.enum(['timeout', 'lease-lost', 'interrupted']).exactOptional(),
});
export type RunEnd = z.infer<typeof RunEnd>;

/** leases/<name>/<instant>.json: one holder for the time from its instant until `until`. */
export const Lease = z.object({
  ...header('lease'),
  holder: z.string(),
  from: IsoDate,
  until: IsoDate,
  takenAt: IsoDate,
});
export type Lease = z.infer<typeof Lease>;
