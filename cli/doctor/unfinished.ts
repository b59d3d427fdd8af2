import { serversRead } from '../config/through.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { explainUnfinished, unfinishedIn } from '../restore/unfinished.ts';
import type { Check } from './check.ts';

/** A note when a database is marked as unfinished. Other checks say what cannot be reached. */
export async function checkUnfinished(context: ClusterContext): Promise<Check[]> {
  const look = async () => {
    const segments = await flavourOf(context).topology();
    const servers = segments.map((segment) => ({ segment }));
    return unfinishedIn(
      context,
      serversRead(context.config, servers).map(({ segment }) => segment),
    );
  };
  const found = await look().catch(() => undefined);
  if (found === undefined) return [];
  const { content } = found.segment;
  const detail = explainUnfinished(found.mark, context);
  return [{ of: `content ${content}`, name: 'unfinished restore', ok: true, remark: true, detail }];
}
