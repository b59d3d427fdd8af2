import { count } from '../../backup-set/base/words.ts';
import type { Context } from '../context.ts';

/** Draws how many sets were looked at, on a terminal. */
export function progressOf({ output }: Pick<Context, 'output'>, verb = 'read the keys of') {
  return (done: number, all: number): void =>
    output.draw([`${verb} ${count(done)} of ${count(all)} sets`]);
}
