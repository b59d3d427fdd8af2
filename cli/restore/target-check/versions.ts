import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { bringsLargeObjects } from '../../../backup-set/restore/plan.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import { readArchiveHeader } from '../../../database/objects/toc.ts';
import { withRestoreProgram } from '../../../database/tools/fitting/restore-program.ts';
import { majorOf } from '../../../database/tools/fitting/versions.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import { shipperCommand, targetOf } from '../../config/config.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import type { LookedAt } from './server.ts';
import type { TargetCheck } from './target-check.ts';

type Looked = Pick<LookedAt, 'segment'> & { readonly has: Pick<LookedAt['has'], 'version'> };

/** Why the versions of set, server and pg_restore do not fit, on one segment of the target. */
export async function versionReasons(check: TargetCheck, looked: Looked): Promise<Problem[]> {
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
  { manifest }: TargetCheck,
  { segment: { content, host, port }, has }: Looked,
): Problem | undefined {
  const source = manifest.contents.find((one) => one.content === content)?.serverVersion;
  if (source === undefined || majorOf(source) <= majorOf(has.version)) return undefined;
  const least = Math.floor(majorOf(source));
  const message = `content ${content} of the set comes from PostgreSQL ${source}, and ${host}:${port} is PostgreSQL ${has.version}: an older server does not know all definitions of a newer one. Restore into PostgreSQL ${least} or later, or make the tables there yourself and load them with --truncate`;
  return { code: 'target-refused', content, message };
}

/** Agents, and shippers that are commands, look at the programs of their own hosts. */
async function programFault(check: TargetCheck, looked: Looked): Promise<string | undefined> {
  const { context, store, manifest, request } = check;
  const { config, env, signal } = context;
  const { segment, has } = looked;
  if (config.shippers.start === 'agents' || shipperCommand(config, segment) !== undefined)
    return undefined;
  const isInSet = manifest.contents.some(({ content }) => content === segment.content);
  const part = isInSet && (await readPart(functionDeps(context, store), manifest, segment.content));
  // The functions refuse such a set by themselves.
  if (part === false || !part.ok) return undefined;
  const hasObjects = bringsLargeObjects(request) && restores(request, 'data');
  const files = [
    ...(bringsDefinitions(check) ? (['schema.dump'] as const) : []),
    ...(hasObjects ? (['large-objects.dump'] as const) : []),
  ];
  for (const file of files) {
    const stored = fileOf(part.value, file);
    if (stored === undefined) continue;
    try {
      const archive = await readArchiveHeader(store.get(stored.key, { signal }), stored.key);
      const connects = file !== 'schema.dump' || request.into === undefined;
      const work = { archive, file, serverVersion: has.version, connects };
      await withRestoreProgram(targetOf(config, segment, env), work, signal);
    } catch (error) {
      if (isStowageError(error, 'database/tool')) return error.message;
      if (!isStowageError(error, 'set/unreadable')) throw error;
    }
  }
  return undefined;
}
