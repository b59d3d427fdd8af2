/**
 * Says that a part of the program has run, to the launcher of the built programs (infra/launch): it keeps the compiled code of what
 * has run for the next start. Says it to nobody where a program runs from source.
 */
export function markModuleUsed(part: string): void {
  const parts = (globalThis as { [MODULES_USED]?: Set<string> })[MODULES_USED];
  parts?.add(part);
}

export const MODULES_USED: unique symbol = Symbol.for('stowage.modules-used') as never;
