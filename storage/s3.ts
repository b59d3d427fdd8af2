import { StowageError } from '../backup-set/errors.ts';
import type { ObjectStore, StoreSettings } from './store.ts';

/** Under construction. */
export function openS3(
  _bucket: string,
  _prefix: string,
  _settings: NonNullable<StoreSettings['s3']>,
): ObjectStore {
  throw new StowageError('internal', 's3 stores are not there yet');
}
