import { count } from '../../../backup-set/base/words.ts';
import { anyRetries, type StorageRetries } from '../../../storage/retries.ts';
import { duration } from '../format.ts';
import type { Output } from '../output.ts';

/** Lines for people about requests to the store that were sent again. */
export function retriesLines({ throttled, failed, throttledMs }: StorageRetries): string[] {
  return [
    ...(throttled === 0
      ? []
      : [`storage asked to slow down: ${duration(throttledMs)} waited, ${retriesOf(throttled)}`]),
    ...(failed === 0 ? [] : [`storage did not answer at once: ${retriesOf(failed)}`]),
  ];
}

/** At the end of a command: the retries of all its processes. */
export function noteRetries(output: Output): void {
  const storage = anyRetries();
  if (storage !== undefined) output.note('storage', { storage }, retriesLines(storage).join('\n'));
}

/** The field `storage` of a result; no field without retries. */
export function retriesField(): { readonly storage?: StorageRetries } {
  const storage = anyRetries();
  return storage === undefined ? {} : { storage };
}

const retriesOf = (retries: number) => (retries === 1 ? '1 retry' : `${count(retries)} retries`);
