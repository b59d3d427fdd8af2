import { encode, type RawDocument } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { requestMac } from '../../../frame/seal/derive.ts';
import type { HeldKeys } from '../held.ts';
import { withoutField } from '../seal-macs.ts';

type Keys = Pick<HeldKeys, 'setKey'> | undefined;

/** Proves a request to the command that resumes it. Unchanged when the set is not encrypted. */
export function withRequestMac(request: RestoreRequest, keys: Keys): RestoreRequest {
  if (keys === undefined) return request;
  return { ...request, mac: requestMac(keys.setKey, encode(RestoreRequest, request)) };
}

/**
 * A resume does what the request of the first restore says, which lies in the bucket: with fewer
 * tables or other names in it, rows would be left out, or loaded into another table.
 * @throws StowageError `restore/refused`
 */
export function requireOwnRequest({ key, bytes }: RawDocument, keys: Keys): void {
  if (keys === undefined) return;
  const signed = withoutField(bytes, 'mac');
  if (signed !== undefined && signed.value === requestMac(keys.setKey, signed.bytes)) return;
  const why =
    signed === undefined
      ? 'it has no mac: an earlier version of stowage or another program wrote it'
      : 'its mac differs: another program has changed it';
  throw new StowageError(
    'restore/refused',
    `${key} does not prove what the restore was asked for, so it cannot be resumed: ${why}. Start again: drop what it has restored (--create --drop-unfinished drops databases that it has created)`,
    { where: { object: key } },
  );
}
