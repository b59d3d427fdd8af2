/**
 * Loaded before a program by `node --import`: folders are neither made nor read, for ever, and from then on nothing else keeps the event
 * loop going. A promise in the middle of the work never settles, and Node ends the process by itself: with exit code 0, unless the program has set another.
 */
import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { setInterval } = globalThis;
const stall = () => {
  // Of a pipe, a socket: the coordinator holds its other end. /dev/null has no such thing.
  (process.stdin as { unref?: () => void }).unref?.();
  return new Promise<never>(() => undefined);
};
Object.assign(promises, { mkdir: stall, readdir: stall });
Object.assign(globalThis, {
  setInterval: (...args: Parameters<typeof setInterval>) => setInterval(...args).unref(),
});
syncBuiltinESMExports();
