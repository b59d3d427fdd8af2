/**
 * Says that a part of the program has run, to the launcher of the built programs (infra/launch): it keeps the compiled code of what
 * has run for the next start. Says it to nobody where a program runs from source.
 */
export function ran(part: string): void {
  const parts = (globalThis as { [RAN]?: Set<string> })[RAN];
  parts?.add(part);
}

export const RAN: unique symbol = Symbol.for('stowage.ran') as never;
