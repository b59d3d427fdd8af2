import { StowageError } from '../../backup-set/base/errors.ts';
import { parseVersion } from '../greenplum/topology.ts';
import type { Session } from '../session/session.ts';

/**
 * What to change when a server that is listed as a shard is Greenplum; undefined when it is not.
 * Greenplum's catalogs differ, so every later error would be about a column that does not exist.
 */
export async function greenplumAdvice(session: Session): Promise<string | undefined> {
  const [row] = await session.query<{ version: string }>('SELECT version() AS version');
  const version = parseVersion(row?.version ?? '');
  if (version === undefined) return undefined;
  const { host, port } = session.target;
  return `${host}:${port} is Greenplum ${version.text}, and flavour shards is for PostgreSQL. For its coordinator set flavour: greenplum and coordinator: { host: ${host}, port: ${port} }, and remove segments`;
}

/** @throws StowageError `config/invalid` when the server is Greenplum. */
export async function refuseGreenplum(session: Session, content: number): Promise<void> {
  const advice = await greenplumAdvice(session);
  if (advice === undefined) return;
  throw new StowageError('config/invalid', `content ${content}: ${advice}`, {
    where: { content, field: 'flavour' },
  });
}
