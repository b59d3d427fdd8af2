import type { Blocker } from '../flavour.ts';

/** What blocks a lock, for messages: a session, or a prepared transaction and how it is ended. */
export function describeBlocker({
  pid,
  user,
  application,
  state,
  query,
  prepared,
}: Blocker): string {
  if (prepared !== undefined)
    return `prepared transaction "${prepared.gid}" of ${user}, prepared at ${prepared.since} (COMMIT PREPARED or ROLLBACK PREPARED ends it)`;
  const program = application === '' ? '' : `, application ${application}`;
  return `pid ${pid} (user ${user || '?'}${program}, ${state}): ${query.replaceAll(/\s+/g, ' ')}`;
}
