import { StowageError } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { copySet } from '../../functions/sets/copy.ts';
import type { ClusterCommand } from '../command.ts';
import { withStore } from '../open.ts';
import { bytes } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';
import { findSet, SET_DETAILS, setNameFrom } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const copyCommand: ClusterCommand = {
  usage: 'copy <set>',
  summary: 'copy a complete set to an alternate location, and validate the copy',
  details: `${SET_DETAILS}
The manifest is copied last: a partial copy is never listed as complete. Objects that exist at the target are read, and skipped when their bytes are the same.`,
  flags: [['--to <root>', 'the alternate location: s3://bucket/prefix or file:///path (required)']],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const name = setNameFrom(positional);
    const to = flags['to'];
    if (typeof to !== 'string')
      throw new StowageError('usage/flag', 'copy needs --to ROOT', { where: { field: 'to' } });
    return withStore(context, async (from) => {
      const timestamp = await findSet(context, from, name);
      return withStore(
        context,
        async (target) => {
          const { verdict, copied, skipped } = await copySet(
            functionDeps(context, from),
            functionDeps(context, target),
            timestamp,
          );
          context.output.result(
            { timestamp, to: target.url, copied, skipped, verdict },
            [
              `copied ${plural(copied.objects, 'object')} (${bytes(copied.bytes)})${skipped > 0 ? `; ${count(skipped)} already existed` : ''}`,
              ...problemLines(verdict.problems, verdict.problemsTotal),
              `the copy of set ${timestamp} at ${target.url} is ${verdict.status}`,
            ].join('\n'),
          );
          return verdict.status === 'complete' ? 0 : 3;
        },
        to,
      );
    });
  },
};
