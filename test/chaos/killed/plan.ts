import { pickWeighted } from '../../model/actions/action.ts';
import type { Random } from '../random.ts';

/** The commands of one round, which start at about the same time. */
export const COMMANDS = [
  { name: 'backup', weight: 10 },
  { name: 'expire', weight: 8 },
  { name: 'delete', weight: 4 },
  { name: 'restore', weight: 4 },
  { name: 'copy', weight: 4 },
  { name: 'sweep', weight: 4 },
  { name: 'hold', weight: 2 },
  { name: 'release', weight: 2 },
  { name: 'unexpire', weight: 2 },
  { name: 'validate', weight: 1 },
] as const;
export type CommandName = (typeof COMMANDS)[number]['name'];

/** When a process dies. */
export type Kill =
  /** Before the store gets its request number `share` of all, in the middle of it, or after it. */
  | { readonly by: 'request'; readonly share: number; readonly moment: 'before' | 'half' | 'after' }
  | {
      readonly by: 'time';
      readonly share: number;
      readonly target: 'command' | 'tree' | 'shipper';
    };

export interface PlannedCommand {
  readonly name: CommandName;
  /** It starts so long after the first. */
  readonly afterMs: number;
  readonly kill: Kill | undefined;
  /** Chooses the set, from 0 (the oldest) to 1. */
  readonly set: number;
  readonly force: boolean;
  readonly full: boolean;
  /** `retention` of its configuration. */
  readonly keepLast: number;
  readonly graceHours: number;
}

const SHARE_KILLED = 0.8;
/** Nothing, one second and seven: the store's times are exact to a second or two. */
const GRACE_HOURS = [0, 0, 0.0003, 0.002] as const;

/** The commands of a round. With a proxy, processes die at chosen requests, too. */
export function planRound(random: Random, hasProxy: boolean): PlannedCommand[] {
  const commands: PlannedCommand[] = [];
  for (let left = random.pick([1, 2, 3, 3]); left > 0; left -= 1) {
    const found = pickWeighted(random, COMMANDS);
    const isSecondBackup =
      found.name === 'backup' && commands.some(({ name }) => name === 'backup');
    commands.push({
      // A second backup would wait for the locks of the first.
      name: isSecondBackup ? 'expire' : found.name,
      afterMs: random.below(600),
      kill: random.chance(SHARE_KILLED) ? planKill(random, hasProxy) : undefined,
      set: random.below(1000) / 1000,
      force: random.chance(0.4),
      full: random.chance(0.1),
      keepLast: 1 + random.below(5),
      graceHours: random.pick(GRACE_HOURS),
    });
  }
  return commands;
}

function planKill(random: Random, hasProxy: boolean): Kill {
  const share = random.below(1000) / 1000;
  if (hasProxy && random.chance(0.7))
    return { by: 'request', share, moment: random.pick(['before', 'half', 'after']) };
  return {
    by: 'time',
    share,
    target: random.pick(['command', 'command', 'tree', 'shipper']),
  };
}
