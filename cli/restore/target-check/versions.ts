import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { definedBy } from '../../../backup-set/restore/mapped/map.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import { withRestoreProgram } from '../../../database/tools/fitting/restore-program.ts';
import { majorOf } from '../../../database/tools/fitting/versions.ts';
import { shipperCommand, targetOf } from '../../config/config.ts';
import type { LookedAt } from './server.ts';
import type { TargetCheck } from './target-check.ts';

/** Why the versions of set, server and pg_restore do not fit, on one segment of the target. */
export async function versionReasons(check: TargetCheck, looked: LookedAt): Promise<Problem[]> {
  const { content, greenplum } = looked.segment;
  if (greenplum !== undefined) return [];
  const older = bringsDefinitions(check) ? olderReason(check, looked) : undefined;
  if (older !== undefined) return [older];
  const message = await programFault(check, looked);
  return message === undefined ? [] : [{ code: 'target-refused', content, message }];
}

function bringsDefinitions({ request }: TargetCheck): boolean {
  return (
    request.mode !== 'truncate' && (restores(request, 'pre-data') || restores(request, 'post-data'))
  );
}

/** An older server does not know all statements of a newer one, and may know them otherwise. */
function olderReason(
  { manifest, request }: TargetCheck,
  { segment: { content, host, port }, has }: LookedAt,
): Problem | undefined {
  const from = definedBy(request, content);
  const source = manifest.contents.find((one) => one.content === from)?.serverVersion;
  if (source === undefined || majorOf(source) <= majorOf(has.version)) return undefined;
  const least = Math.floor(majorOf(source));
  const message = `content ${from} of the set comes from PostgreSQL ${source}, and ${host}:${port} is PostgreSQL ${has.version}: an older server does not know all definitions of a newer one. Restore into PostgreSQL ${least} or later, or make the tables there yourself and load them with --truncate`;
  return { code: 'target-refused', content, message };
}

/** Agents, and shippers that are commands, look at the programs of their own hosts. */
async function programFault(check: TargetCheck, looked: LookedAt): Promise<string | undefined> {
  const { config, env, signal } = check.context;
  const { segment, has, needs } = looked;
  if (config.shippers.start === 'agents' || shipperCommand(config, segment) !== undefined)
    return undefined;
  // The functions refuse a set that cannot be read.
  if (typeof needs === 'string') return undefined;
  const isSchemaRun = bringsDefinitions(check);
  for (const { file, header: archive } of needs.archives) {
    const isSchema = file === 'schema.dump';
    if (isSchema && !isSchemaRun) continue;
    const connects = !isSchema || check.request.into === undefined;
    const work = { archive, file, serverVersion: has.version, connects };
    try {
      await withRestoreProgram(targetOf(config, segment, env), work, signal);
    } catch (error) {
      if (isStowageError(error, 'database/tool')) return error.message;
      throw error;
    }
  }
  return undefined;
}
