import { plural } from '../../../backup-set/base/words.ts';
import type { Deps, Unreadable } from '../../../functions/deps.ts';
import { printable } from '../format.ts';

/** Objects named as text; --json has all. */
const SHOWN = 12;

/** A look at many objects, which goes on without those that cannot be read. */
export interface Look {
  readonly deps: Deps;
  /** Each object once, in the order in which they were met. */
  unreadable(): Unreadable[];
}

/** Remembers which objects a look could not read, so that its command can name them at the end. */
export function lookWith(deps: Deps): Look {
  const found = new Map<string, Unreadable>();
  return {
    deps: {
      ...deps,
      onUnreadable(one) {
        found.set(one.object, one);
      },
    },
    unreadable: () => [...found.values()],
  };
}

/** What a command adds to its result when it left something out. */
export function unreadableValue(found: readonly Unreadable[]) {
  return found.length > 0 && { unreadable: found };
}

export function unreadableLines(found: readonly Unreadable[]): string[] {
  if (found.length === 0) return [];
  const more = found.length - SHOWN;
  return [
    `${plural(found.length, 'object')} could not be read:`,
    ...found.slice(0, SHOWN).map(({ object, message }) => `  ${printable(named(object, message))}`),
    ...(more > 0 ? [`  … and ${more} more (--json lists them)`] : []),
  ];
}

const named = (object: string, message: string) =>
  message.includes(object) ? message : `${object}: ${message}`;

/** 3 when something was left out: the result may look better than the root is. */
export function exitOfLook(found: readonly Unreadable[]): 0 | 3 {
  return found.length > 0 ? 3 : 0;
}
