/**
 * The types of lock.mjs, which is plain JavaScript because it runs before npm packages are there.
 */
export function withLock<T>(
  dir: string,
  print: (line: string) => void,
  work: () => Promise<T>,
): Promise<T>;
