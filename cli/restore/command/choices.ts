import type { Flags } from '../../command.ts';
import type { Choices } from '../request.ts';

/** The flags of the choices; a resume takes them from the first restore. */
export const CHOICE_FLAGS = ['allowMissing', 'largeObjects'];

/** The choices that the flags make. */
export function choicesFrom(flags: Flags): Choices {
  return {
    ...(flags['allowMissing'] === true && { allowMissing: true as const }),
    ...(flags['globals'] === 'alter' && { globalsMode: 'alter' as const }),
    ...(flags['largeObjects'] === true && { largeObjects: true as const }),
  };
}

/** The choices of a request. */
export function choicesOf({ allowMissing, sections, noAcl, onError, ...more }: Choices): Choices {
  const { globalsMode, largeObjects } = more;
  return {
    ...(globalsMode && { globalsMode }),
    ...(largeObjects && { largeObjects }),
    ...(allowMissing && { allowMissing }),
    ...(sections && { sections }),
    ...(noAcl && { noAcl }),
    ...(onError && { onError }),
  };
}
