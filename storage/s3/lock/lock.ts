import { checkKey } from '../../check-key.ts';
import type { ObjectLock } from '../../lock.ts';
import type { S3 } from '../connection/client.ts';
import { lockConfiguration } from './configuration.ts';
import { readLegalHold, writeLegalHold } from './legal-hold.ts';
import { extendRetention, readRetention } from './retention.ts';

/** Object Lock of a bucket. docs/object-stores.md says which servers have it. */
export function lockOf(s3: S3): ObjectLock {
  return {
    configuration: (options = {}) => lockConfiguration(s3, options),
    async retention(key, options = {}) {
      checkKey(key);
      return readRetention(s3, key, options);
    },
    async extendRetention(key, wanted, options = {}) {
      checkKey(key);
      return extendRetention(s3, key, wanted, options);
    },
    async legalHold(key, options = {}) {
      checkKey(key);
      return readLegalHold(s3, key, options);
    },
    async setLegalHold(key, isOn, options = {}) {
      checkKey(key);
      await writeLegalHold(s3, key, isOn, options);
    },
  };
}
