import type { ErrorCode, StowageError } from '../../backup-set/base/errors.ts';

/**
 * What a server says when a row does not fit into one allocation: up to 15 for a value, up to 17
 * for the row, since 18 for the row.
 */
const TOO_LONG =
  /invalid memory alloc request size \d{10}(?!\d)|Cannot enlarge string buffer|string buffer exceeds maximum allowed length/;

const ADVICE = "A row is longer than PostgreSQL's limit of 1 GB for a row of COPY";

/** Whether the server's message says that a row is too long for COPY. */
export function isRowTooLong(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const detail = 'detail' in error && typeof error.detail === 'string' ? error.detail : '';
  return TOO_LONG.test(`${error.message} ${detail}`);
}

/** Code and message of a failed COPY: those of `failure`, or of a row that is too long. */
export function rowTooLong(
  error: unknown,
  failure: StowageError,
): { readonly code: ErrorCode; readonly message: string } {
  const { code, message } = failure;
  if (!isRowTooLong(error)) return { code, message };
  return { code: 'database/row-too-long', message: `${message}. ${ADVICE}` };
}
