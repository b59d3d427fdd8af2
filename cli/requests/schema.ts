import * as z from 'zod';
import { TargetName } from '../../backup-set/documents/restore/asked.ts';
import { RESTORE_MODES } from '../../backup-set/documents/restore/restore.ts';

const Target = z
  .strictObject({
    name: TargetName,
    /** The stowage.yaml of the target; absent = the cluster of this file. */
    config: z.string().min(1).exactOptional(),
    /** Databases that requests may restore into; absent = all. */
    databases: z.array(z.string().min(1)).min(1).exactOptional(),
    modes: z.array(z.enum(RESTORE_MODES)).min(1).default(['fill', 'create']),
    /** Which program carries requests out. */
    run: z.enum(['operator', 'serve']).default('operator'),
  })
  .refine(
    ({ run, databases }) => run !== 'serve' || databases !== undefined,
    'run: serve needs databases: a request must not choose any database of the target',
  );

/** Restores that are asked for in the console (docs/console.md#requests). */
export const RequestsSection = z.strictObject({
  /** The second token. No secret belongs into the configuration. */
  tokenFile: z.string().min(1).exactOptional(),
  /** After this time a request is refused. */
  expireHours: z.int().min(1).max(168).default(24),
  targets: z
    .array(Target)
    .min(1)
    .max(64)
    .refine(
      (targets) => new Set(targets.map(({ name }) => name)).size === targets.length,
      'must name each target once',
    ),
});
export type RequestsSection = z.infer<typeof RequestsSection>;
