import { mapInFlight } from '../../async/each-in-flight.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { Segment } from '../../database/flavour.ts';
import { databaseExists } from '../../database/target/database.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';

const SEGMENTS_AT_ONCE = 16;
/** A target that failed may not answer any more. */
const ASK_MS_MAX = 10_000;

/** What a failed restore left in the target. */
export interface Aftermath {
  /** Undefined = not known. */
  readonly targetChanged: boolean | undefined;
  /** What is there, and what to do next: `failed: …`. */
  readonly text: string;
}

const MAY_HOLD: Aftermath = {
  targetChanged: undefined,
  text: 'the target may hold part of the set. Correct the cause, drop what was restored, and restore again',
};

/**
 * Looks at the target after a failed restore. With `create` no database existed before, so the
 * databases that exist now are what the restore has changed. Never throws.
 */
export async function lookAtTarget(
  context: ClusterContext,
  segments: readonly Segment[],
  { mode }: Pick<RestoreRequest, 'mode'>,
): Promise<Aftermath> {
  if (mode !== 'create') return MAY_HOLD;
  const { config, env } = context;
  // On Greenplum a database is created through the coordinator.
  const asked = formatOf(config.flavour).hasOneCatalog
    ? segments.filter(({ content }) => content === COORDINATOR)
    : segments;
  // The signal of the command may have fired.
  const signal = AbortSignal.timeout(ASK_MS_MAX);
  const answers = await mapInFlight(asked, SEGMENTS_AT_ONCE, async (segment) => ({
    content: segment.content,
    exists: await databaseExists(targetOf(config, segment, env), signal).catch(() => undefined),
  }));
  return aftermathOf(config.database, answers);
}

export function aftermathOf(
  database: string,
  answers: readonly { readonly content: number; readonly exists: boolean | undefined }[],
): Aftermath {
  const listed = (exists: boolean | undefined) =>
    answers.filter((answer) => answer.exists === exists).map(({ content }) => content);
  const [created, silent] = [listed(true), listed(undefined)];
  const unknown =
    silent.length === 0 ? '' : `; content ${silent.join(', ')} did not answer, and may hold it too`;
  if (created.length > 0)
    return {
      targetChanged: true,
      text: `the target holds part of the set: database ${database} was created on content ${created.join(', ')}${unknown}. Correct the cause, drop the database, and restore again`,
    };
  if (silent.length > 0)
    return {
      targetChanged: undefined,
      text: `the target may hold part of the set: content ${silent.join(', ')} did not answer, and the others have no database ${database}. Correct the cause, and restore again`,
    };
  return {
    targetChanged: false,
    text: `the target was not changed: no database ${database} exists. Correct the cause, and restore again`,
  };
}
