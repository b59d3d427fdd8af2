import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { copySet } from '../../functions/sets/copy.ts';
import type { ClusterCommand } from '../command.ts';
import { timestampFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { bytes } from '../output/format.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const copyCommand: ClusterCommand = {
  usage: 'copy <timestamp>',
  summary: 'copy a complete set to an alternate location, and validate it there',
  details:
    'The manifest is copied last, so the set exists at the new place exactly when all of it is there. Objects that are there already, with the right size, are left alone.',
  flags: [['--to <root>', 'the alternate location: s3://bucket/prefix or file:///path (required)']],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const timestamp = timestampFrom(positional);
    const to = flags['to'];
    if (typeof to !== 'string')
      throw new StowageError('usage/flag', 'copy needs --to ROOT', { where: { field: 'to' } });
    return withStore(context, (from) =>
      withStore(
        context,
        async (target) => {
          const { verdict, copied, skipped } = await copySet(
            functionDeps(context, from),
            functionDeps(context, target),
            timestamp,
          );
          context.output.result(
            { timestamp, to: target.url, copied, skipped, verdict },
            `copied ${plural(copied.objects, 'object')}, ${bytes(copied.bytes)}${skipped > 0 ? ` (${skipped} were there)` : ''}\nset ${timestamp} at ${target.url} is ${verdict.status}`,
          );
          return verdict.status === 'complete' ? 0 : 3;
        },
        to,
      ),
    );
  },
};
