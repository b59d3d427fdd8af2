import { StowageError } from '../../backup-set/base/errors.ts';

/** Rows are committed only when the server counted what the manifest says. @throws StowageError `database/count`. */
export function requireCount(relation: string, counted: number, wanted: number): void {
  if (counted === wanted) return;
  const message = `${relation}: the server counted ${counted} rows, the manifest says ${wanted}`;
  throw new StowageError('database/count', message, { where: { relation } });
}
