import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { flavourNamed } from '../../database/flavours.ts';
import type { Config } from '../config/schema.ts';
import { mechanismOf } from '../config/through.ts';
import type { ClusterContext } from '../context.ts';

/** Another way to take the backup, for the error of a way that does not work here. */
export function suggestOtherWay({ config }: Pick<ClusterContext, 'config'>, error: unknown): never {
  if (!(error instanceof StowageError)) throw error;
  const advice = adviceFor(config, error);
  if (advice === undefined) throw error;
  throw new StowageError(error.code, `${error.message}; ${advice}`, {
    cause: error,
    where: error.where,
  });
}

function adviceFor(config: Config, error: StowageError): string | undefined {
  const { snapshotMechanisms } = flavourNamed(config.flavour);
  const used = mechanismOf(config);
  const hasOther = (way: 'dispatch' | 'coordinator') =>
    used !== way && used !== 'coordinator' && snapshotMechanisms.includes(way);
  if (isStowageError(error, 'database/locked') && hasOther('dispatch'))
    return '`stowage backup --snapshot dispatch` takes the snapshot without blocking writers';
  if (isAboutSegments(error) && hasOther('coordinator'))
    return '`stowage backup --through coordinator` needs no session with a segment, no shipper on its host, and no right but to read';
  return undefined;
}

/** The role or the network does not allow what only the other ways need. */
function isAboutSegments(error: StowageError): boolean {
  const { code, where } = error;
  if (code === 'database/denied') return true;
  const isThere = where.content !== undefined && where.content !== COORDINATOR;
  return isThere && (code === 'database/unreachable' || code.startsWith('shipper/'));
}
