import { plural } from '../../../backup-set/base/words.ts';
import type { Invocation } from '../../command.ts';
import type { ClusterContext } from '../../context.ts';
import { adoptSet, judge, timestampOf } from '../adopt-set.ts';
import { withPlaces } from '../files/open-places.ts';
import { asSource } from './as-source.ts';
import { readSet } from './read-set.ts';

const TOOL = 'gpbackup';

/** `stowage adopt gpbackup`. */
export async function adoptGpbackup({
  flags,
  positional: [, ...places],
  context,
}: Invocation<ClusterContext>): Promise<number> {
  const adoption = { tool: TOOL, timestamp: timestampOf(flags), flags };
  const { timestamp } = adoption;
  return withPlaces(context, places, (opened) =>
    adoptSet(context, adoption, async () => {
      const set = await readSet(opened, timestamp, context.signal);
      const { problems, segments, tables } = set;
      judge(context, adoption, problems);
      context.output.note(
        'judged',
        { timestamp, segments, problems },
        `set ${timestamp} of ${TOOL}: ${plural(segments, 'segment')}, ${plural(tables.length, 'table')}`,
      );
      return asSource(set);
    }),
  );
}
