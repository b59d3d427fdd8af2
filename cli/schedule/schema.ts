import * as z from 'zod';
import { NAME_FORM } from '../../backup-set/base/keys/schedule-keys.ts';
import { Tag } from '../../backup-set/documents/plan.ts';
import { RetentionRules } from '../../backup-set/retention/rules.ts';
import { BY_ORDER, cronProblem, isTimeZone } from './times.ts';

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Seconds to days. */
const Span = z.union([
  z.literal(0),
  z.string().regex(/^\d{1,5}[smhd]$/, 'must be 0 or a time such as 90s, 10m, 12h or 2d'),
]);
type Span = z.infer<typeof Span>;

const Cron = z.string().superRefine((text, context) => {
  const message = text === BY_ORDER ? undefined : cronProblem(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});
const TimeZone = z.string().refine(isTimeZone, 'must be a time zone: Europe/Berlin, UTC');
const Names = z.array(z.string().min(1)).min(1);

/** Jobs, with the flags of their commands. */
const JOBS = {
  backup: z.strictObject({
    full: z.boolean().exactOptional(),
    tags: z.array(Tag).max(32).exactOptional(),
    databases: z.union([z.literal('all'), Names]).exactOptional(),
    through: z.enum(['segments', 'coordinator']).exactOptional(),
  }),
  verify: z.strictObject({ remote: z.boolean().exactOptional() }),
  drill: z
    .strictObject({
      throwaway: z.literal(true).exactOptional(),
      into: z.string().min(1).exactOptional(),
      sample: z.int().min(1).max(1000).exactOptional(),
      tables: Names.exactOptional(),
      all: z.literal(true).exactOptional(),
    })
    .refine(
      ({ throwaway, into }) => (throwaway === undefined) !== (into === undefined),
      'needs throwaway: true, or into: FILE',
    )
    .refine(
      ({ sample, tables, all }) =>
        [sample, tables, all].filter((one) => one !== undefined).length < 2,
      'takes only one of sample, tables and all',
    ),
  expire: z.strictObject({}),
};
export const JOB_NAMES = ['backup', 'verify', 'drill', 'expire'] as const;
export type JobName = (typeof JOB_NAMES)[number];

const Entry = z
  .strictObject({
    /** A cron expression of five fields, or `order`. */
    at: Cron,
    backup: JOBS.backup.exactOptional(),
    verify: JOBS.verify.exactOptional(),
    drill: JOBS.drill.exactOptional(),
    expire: JOBS.expire.exactOptional(),
    timeZone: TimeZone.exactOptional(),
    jitter: Span.exactOptional(),
    catchUp: Span.exactOptional(),
    timeout: Span.exactOptional(),
  })
  .refine(
    (entry) => JOB_NAMES.filter((job) => entry[job] !== undefined).length === 1,
    `must have exactly one of ${JOB_NAMES.join(', ')}, for example backup: {}`,
  );
export type EntryConfig = z.infer<typeof Entry>;

/** `schedule` of stowage.yaml: what runs by itself, and when (docs/design/0040-schedule.md). */
export const ScheduleSection = z.strictObject({
  timeZone: TimeZone.default('UTC'),
  /** The longest random delay; the same for all runners. */
  jitter: Span.default(0),
  /** A missed run is caught up within this time; 0 = never. */
  catchUp: Span.default('12h'),
  /** The longest time of a run. */
  timeout: Span.refine((span) => spanMs(span) > 0, 'must not be 0').default('24h'),
  entries: z
    .record(
      z.string().regex(NAME_FORM, 'must have up to 40 lower-case letters, digits and dashes'),
      Entry,
    )
    .default({}),
  /** The block `retention`, written here. */
  retention: z
    .unknown()
    .superRefine((value, context) => {
      const found = RetentionRules.exactOptional().safeParse(value);
      for (const { path, message } of found.error?.issues ?? [])
        context.addIssue({ code: 'custom', path: [...path], message });
    })
    .exactOptional(),
});

export function spanMs(span: Span): number {
  if (span === 0) return 0;
  return Number.parseInt(span, 10) * UNITS_MS[span.at(-1) as keyof typeof UNITS_MS];
}
