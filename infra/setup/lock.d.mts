/** What TypeScript may know of lock.mjs, which runs before anything is installed. */
export function withLock<T>(
  dir: string,
  say: (line: string) => void,
  work: () => Promise<T>,
): Promise<T>;
