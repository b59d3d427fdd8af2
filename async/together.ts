/**
 * Runs tasks concurrently. The first failure aborts the others through their signal, and is thrown
 * when all have ended, so that no task still runs while the caller cleans up.
 */
export async function together(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let first: { readonly error: unknown } | undefined;
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(either);
      } catch (error) {
        first ??= { error };
        stop.abort(error);
      }
    }),
  );
  if (first !== undefined) throw first.error;
}
