import { type Name, sha256 } from '../base/document.ts';
import { dateOf } from '../base/timestamps.ts';

interface Rereading {
  readonly now: Date;
  /** 0 = always. */
  readonly rereadAfterMs: number;
  readonly name: Name;
}

/**
 * Whether the rows of a relation must be read again although a witness says that they are the same.
 * Each relation has fixed moments, `rereadAfterMs` apart, at a phase that its name decides. It is
 * due when such a moment has passed since its rows were read, so each night reads an equal share.
 */
export function isReadAgain(readAt: string | undefined, rereading: Rereading): boolean {
  const { now, rereadAfterMs, name } = rereading;
  if (readAt === undefined || rereadAfterMs === 0) return true;
  const phase = phaseOf(name) * rereadAfterMs;
  const moment = (time: number) => Math.floor((time - phase) / rereadAfterMs);
  const read = dateOf(readAt).getTime();
  // A set from the future: its clock cannot be trusted.
  return read > now.getTime() || moment(now.getTime()) !== moment(read);
}

const PHASES = 2 ** 32;

/** From 0 to 1, equally distributed over names. */
function phaseOf({ schema, name }: Name): number {
  const digest = sha256(new TextEncoder().encode(JSON.stringify([schema, name])));
  return Number.parseInt(digest.slice(0, 8), 16) / PHASES;
}
