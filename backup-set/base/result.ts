/**
 * The result of a step whose caller handles its failures: a value, or the reason of the failure.
 * Failures that no caller handles are thrown as StowageError.
 */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure };

export const success = <Value>(value: Value): { readonly ok: true; readonly value: Value } => ({
  ok: true,
  value,
});

export const failure = <Failure>(
  reason: Failure,
): { readonly ok: false; readonly failure: Failure } => ({ ok: false, failure: reason });
