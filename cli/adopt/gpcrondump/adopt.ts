import { plural } from '../../../backup-set/base/words.ts';
import type { Invocation } from '../../command.ts';
import type { ClusterContext } from '../../context.ts';
import { adoptSet, judge, timestampOf, wrongFlag } from '../adopt-set.ts';
import { withPlaces } from '../files/open-places.ts';
import { asSource } from './as-source.ts';
import { readResolved } from './chain.ts';
import { findFiles } from './find-files.ts';
import { adoptStreamed } from './stream/adopt.ts';

const TOOL = 'gpcrondump';

/** `stowage adopt gpcrondump`. */
export async function adoptGpcrondump(invocation: Invocation<ClusterContext>): Promise<number> {
  const {
    flags,
    positional: [, ...places],
    context,
  } = invocation;
  if (flags['stream'] === true) return adoptStreamed(invocation);
  for (const flag of ['run', 'idle'])
    if (flags[flag] !== undefined)
      throw wrongFlag(flag, `--${flag} is for adopt gpcrondump --stream`);
  const adoption = { tool: TOOL, timestamp: timestampOf(flags), flags };
  const { timestamp } = adoption;
  const prefix = typeof flags['prefix'] === 'string' ? flags['prefix'] : undefined;
  return withPlaces(context, places, (opened) =>
    adoptSet(context, adoption, async () => {
      const files = await findFiles(opened, context.signal);
      const set = await readResolved(files, { timestamp, prefix }, context.signal);
      const { problems, segments } = set;
      judge(context, adoption, problems);
      context.output.note(
        'judged',
        { timestamp, segments: segments.length, problems },
        `set ${timestamp} of ${TOOL}: ${plural(segments.length, 'segment')}, ${plural(segments[0]?.sections.length ?? 0, 'table')}`,
      );
      return asSource(set);
    }),
  );
}
