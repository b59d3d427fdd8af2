import { count, plural } from '../base/words.ts';
import type { Warning } from './warnings.ts';

/** The values of a warning, and what they are of. */
export interface Seen {
  /** Subject of the sentence: a table, a content, the set. */
  readonly what: string;
  /** The newest older set. */
  readonly since: string;
  readonly unit: NonNullable<Warning['unit']>;
  readonly was: number;
  readonly is: number;
}

type Text = Omit<Warning, 'code' | 'content' | 'relation' | 'object'>;

/** `sales.orders lost 41 % of its rows since set …: 1,000 → 590`. */
export function changed({ what, since, unit, was, is }: Seen, of: string): Text {
  const share = was === 0 ? 0 : Math.abs(is - was) / was;
  // Never 100 %, unless nothing is left.
  const percent = Math.floor(share * 100);
  const how =
    is === 0
      ? `lost all of its ${of}`
      : is < was
        ? `lost ${percent} % of its ${of}`
        : `has ${times(is / was)} times as many ${of}`;
  const numbers = `${count(was)} → ${plural(is, unit.slice(0, -1))}`;
  return {
    message: bounded(`${what} ${how} since set ${since}: ${numbers}`),
    since,
    unit,
    was,
    is,
  };
}

/** `sales.orders compresses worse than in set …: from 3.2 to 1.0 bytes of rows per stored byte`. */
export function compressed({ what, since, was, is }: Omit<Seen, 'unit'>): Text {
  const numbers = `${was.toFixed(1)} → ${is.toFixed(1)} bytes of rows per stored byte`;
  const cause = is < 1.2 ? '. Encrypted rows do not compress' : '';
  return {
    message: bounded(`${what} compresses worse than in set ${since}: ${numbers}${cause}`),
    ...{ since, unit: 'thousandths', was: Math.round(was * 1000), is: Math.round(is * 1000) },
  };
}

/** Shares as thousandths. */
export function carriedLess({ since, was, is }: Pick<Seen, 'since' | 'was' | 'is'>): Text {
  const percent = (share: number) => `${Math.floor(share * 100)} %`;
  return {
    message: `the set takes ${percent(is)} of its bytes from older sets; set ${since} took ${percent(was)}`,
    ...{ since, unit: 'thousandths', was: Math.round(was * 1000), is: Math.round(is * 1000) },
  };
}

export function slower({ since, was, is }: Pick<Seen, 'since' | 'was' | 'is'>): Text {
  const seconds = (ms: number) => plural(Math.round(ms / 1000), 'second');
  return {
    message: `the backup took ${times(is / Math.max(1, was))} times as long as that of set ${since}: ${seconds(was)} → ${seconds(is)}`,
    ...{ since, unit: 'milliseconds', was, is },
  };
}

const times = (factor: number) => (factor < 10 ? factor.toFixed(1) : count(Math.floor(factor)));

/** Names have up to 1,024 characters, and a message up to 4,000. */
export const bounded = (text: string) => text.slice(0, 4000).toWellFormed();
