import { onAbort } from '../../async/abort.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { Lockable } from '../catalog/relations.ts';
import { LOCK_SETTINGS, type LockSettings, lockRoom } from '../needs/lock-table.ts';
import { placeOf } from '../session/place.ts';
import { type BarrierNode, cancelStatements } from './node.ts';

/** SHARE and ACCESS SHARE of the barrier; then ACCESS SHARE of the snapshot and of pg_dump. */
const LOCKS_PER_RELATION = 2;

/**
 * What each node must lock, read from its catalogs before any node locks anything.
 * @throws StowageError as `requireLockRoom`, and the errors of `discover`.
 */
export async function relationsToLock(
  nodes: readonly BarrierNode[],
  discover: (node: BarrierNode) => Promise<readonly Lockable[]>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<BarrierNode, readonly Lockable[]>> {
  using _ = onAbort(signal, () => {
    for (const node of nodes) void cancelStatements(node).catch(() => undefined);
  });
  const lists = await Promise.all(
    nodes.map(async (node) => {
      const wanted = await discover(node);
      await requireLockRoom(node, wanted.length);
      return [node, wanted] as const;
    }),
  );
  return new Map(lists);
}

/**
 * Refuses a server whose lock table cannot hold the locks of a backup. The statement that fills the
 * table would fail, and so would those of other programs.
 * @throws StowageError `database/lock-table`, which names the setting and the value that it needs.
 */
export async function requireLockRoom(
  { holder, segment: { content } }: Pick<BarrierNode, 'holder' | 'segment'>,
  relations: number,
): Promise<void> {
  const rows = await holder.query<{ name: keyof LockSettings; setting: string }>(
    'SELECT name, pg_catalog.current_setting(name) AS setting FROM unnest($1::text[]) AS name',
    [[...LOCK_SETTINGS]],
  );
  const values = new Map(rows.map(({ name, setting }) => [name, Number(setting)]));
  const settings = Object.fromEntries(
    LOCK_SETTINGS.map((name) => [name, values.get(name) ?? 0]),
  ) as LockSettings;
  const room = lockRoom(relations * LOCKS_PER_RELATION, settings);
  if (room.verdict !== 'none') return;
  const { needed, room: places, setting, settingNeeded } = room;
  const message = `the snapshot of ${plural(relations, 'relation')} needs ${plural(needed, 'lock')} on ${placeOf(holder.target)}, and its lock table has room for about ${count(places)} (max_locks_per_transaction = ${setting}). Nothing was locked. Set max_locks_per_transaction = ${settingNeeded} and restart the server, or back up fewer tables`;
  throw new StowageError('database/lock-table', message, { where: { content } });
}
