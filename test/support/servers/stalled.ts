/**
 * Loaded before a program by `node --import`. `mkdir` and `readdir` never finish, and nothing else
 * keeps the event loop alive. Node then ends the process while a promise is pending, with exit code
 * 0 unless the program has set another one.
 */
import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { setInterval } = globalThis;
const stall = () => {
  // A pipe or socket from the coordinator has unref; /dev/null does not.
  (process.stdin as { unref?: () => void }).unref?.();
  return new Promise<never>(() => undefined);
};
Object.assign(promises, { mkdir: stall, readdir: stall });
Object.assign(globalThis, {
  setInterval: (...args: Parameters<typeof setInterval>) => setInterval(...args).unref(),
});
syncBuiltinESMExports();
