import type { Flags } from '../../command.ts';
import type { Choices } from '../request.ts';

/** The flags of the choices; a resume takes them from the first restore. */
export const CHOICE_FLAGS = ['allowMissing'];

/** The choices that the flags make. */
export function choicesFrom(flags: Flags): Choices {
  return flags['allowMissing'] === true ? { allowMissing: true } : {};
}

/** The choices of a request. */
export function choicesOf({ allowMissing, sections, noAcl, onError }: Choices): Choices {
  return {
    ...(allowMissing && { allowMissing }),
    ...(sections && { sections }),
    ...(noAcl && { noAcl }),
    ...(onError && { onError }),
  };
}
