/**
 * A table takes time also when it has no rows: its load is a transaction with several round trips,
 * in which a connection loads about as many bytes of rows.
 */
const TABLE_BYTES = 256 * 1024;

/** Which part of the work of the data phase is done, 0…1. */
export function loadedShare(
  planned: { readonly bytes: number; readonly relations: number },
  done: { readonly bytes: number; readonly relations: number },
): number | undefined {
  const work = ({ bytes, relations }: typeof planned) => bytes + relations * TABLE_BYTES;
  return shareOf(work(done), work(planned));
}

/** Undefined when nothing is planned. */
export function shareOf(done: number, planned: number): number | undefined {
  return planned === 0 ? undefined : Math.min(done / planned, 1);
}
