/**
 * Tells the launcher of the built programs (infra/launch) that a part of the program has run: it
 * keeps the compiled code of these parts for the next start. Does nothing when run from source.
 */
export function markModuleUsed(part: string): void {
  const parts = (globalThis as { [MODULES_USED]?: Set<string> })[MODULES_USED];
  parts?.add(part);
}

export const MODULES_USED: unique symbol = Symbol.for('stowage.modules-used') as never;
