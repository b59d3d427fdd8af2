import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { holdSet, releaseSet, unexpireSet } from '../../functions/retention/hold.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import { withStore } from '../open.ts';
import { printable } from '../output/format.ts';
import { findSet, SET_DETAILS, setNameFrom } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';

const WHY_CHARS_MAX = 500;

export const holdCommand: ClusterCommand = {
  usage: 'hold <set>',
  summary: 'keep a set whatever the rules of retention say, until it is released',
  details: `${SET_DETAILS}\nA set that has expired and is not removed yet lives again.\nIn a bucket with Object Lock its objects also get a legal hold.`,
  flags: [['--why <text>', 'why it is held; `stowage list` and `stowage show` say it (required)']],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const why = whyFrom(flags);
    const name = setNameFrom(positional);
    return withStore(context, async (store) => {
      const timestamp = await findSet(context, store, name);
      const deps = functionDeps(context, store);
      const { unexpired, legalHolds } = await holdSet(deps, timestamp, why);
      const again = unexpired ? ' It had expired, and lives again.' : '';
      context.output.result(
        { timestamp, held: why, unexpired, ...(legalHolds !== undefined && { legalHolds }) },
        `set ${timestamp} is held: ${printable(why)}.${again}${locked(legalHolds)}`,
      );
      return 0;
    });
  },
};

export const releaseCommand: ClusterCommand = {
  usage: 'release <set>',
  summary: 'end the hold of a set: the rules of retention decide about it again',
  details: SET_DETAILS,
  flags: [],
  cluster: () => ({}),
  async run({ positional, context }) {
    const name = setNameFrom(positional);
    return withStore(context, async (store) => {
      const timestamp = await findSet(context, store, name);
      const held = await releaseSet(functionDeps(context, store), timestamp);
      context.output.result(
        { timestamp, released: held !== undefined, ...(held && { why: held.why }) },
        held === undefined
          ? `set ${timestamp} is not held`
          : `set ${timestamp} is released (it was held: ${printable(held.why)})`,
      );
      return 0;
    });
  },
};

export const unexpireCommand: ClusterCommand = {
  usage: 'unexpire <set>',
  summary: 'take back the expiry of a set that is not removed yet, and hold the set',
  details: `${SET_DETAILS}\nThe same rules would expire it again, so the set is held: \`stowage release\` gives it back to them.`,
  flags: [['--why <text>', 'why it is held from now on']],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const why = flags['why'] === undefined ? 'unexpired' : whyFrom(flags);
    const name = setNameFrom(positional);
    return withStore(context, async (store) => {
      const timestamp = await findSet(context, store, name);
      await unexpireSet(functionDeps(context, store), timestamp, why);
      context.output.result(
        { timestamp, held: why, unexpired: true },
        `set ${timestamp} lives again, and is held: ${printable(why)}. \`stowage release ${timestamp}\` gives it back to the rules`,
      );
      return 0;
    });
  },
};

function locked(legalHolds: number | undefined): string {
  return legalHolds === undefined
    ? ''
    : ` ${plural(legalHolds, 'object')} of it, with the packs of older sets, got a legal hold.`;
}

function whyFrom(flags: Flags): string {
  const why = typeof flags['why'] === 'string' ? flags['why'].trim() : '';
  if (why !== '' && why.length <= WHY_CHARS_MAX) return why;
  throw new StowageError(
    'usage/flag',
    `--why needs a text of 1 to ${WHY_CHARS_MAX} characters: it says later why the set is kept`,
    { where: { field: 'why' } },
  );
}
