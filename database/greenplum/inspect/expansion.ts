import { plural } from '../../../backup-set/base/words.ts';
import type { ServerCheck } from '../../inspect/check.ts';
import type { Session } from '../../session/session.ts';

/** Tables that are on fewer segments than the cluster has: gpexpand is not finished. */
export async function checkExpansion(session: Session): Promise<ServerCheck> {
  const name = 'expansion';
  const [row] = await session.query<{ segments: number; partial: number; example: string | null }>(
    `SELECT s.segments::int AS segments, count(d.localoid)::int AS partial,
            min(d.localoid::regclass::text) AS example
     FROM (SELECT count(*) AS segments FROM pg_catalog.gp_segment_configuration
           WHERE content >= 0 AND role = 'p') s
     LEFT JOIN pg_catalog.gp_distribution_policy d ON d.numsegments <> s.segments
     GROUP BY s.segments`,
  );
  const { segments = 0, partial = 0, example = null } = row ?? {};
  const all = plural(segments, 'segment');
  if (partial === 0) return { name, ok: true, detail: `every table is on all ${all}` };
  const detail = `${plural(partial, 'table')} not on all ${all} (for example ${example ?? '?'}): gpexpand is not finished. A backup has all rows; a restore loads these tables through the coordinator, which is slower`;
  return { name, ok: true, remark: true, detail };
}
