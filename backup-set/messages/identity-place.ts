/** Stands for the path of a file that only the operator knows. */
export const IDENTITY = 'IDENTITY-FILE';

/** What a command line for a set needs when the set is encrypted; begins with a blank. */
export const identityPlace = (isEncrypted: boolean): string =>
  isEncrypted ? ` --identity=${IDENTITY}` : '';
