import { createHash } from 'node:crypto';

/**
 * An ETag without quotes: servers quote it in some responses and not in others. Empty is absent.
 */
export function plainEtag(etag: string | undefined): string | undefined {
  const plain = etag?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
  return plain === '' ? undefined : plain;
}

/**
 * The ETag that S3 and Ceph give an object made of parts: the MD5 of the parts' MD5s, and their
 * number. Needed when a server completes an upload without sending an ETag (Ceph 16) and the writer
 * has no right to read. Undefined when the parts' ETags are not MD5s, as with SSE-KMS.
 */
export function etagOfParts(etags: readonly (string | undefined)[]): string | undefined {
  const hash = createHash('md5');
  for (const etag of etags) {
    if (etag === undefined || !/^[0-9a-f]{32}$/.test(etag)) return undefined;
    hash.update(etag, 'hex');
  }
  return `${hash.digest('hex')}-${etags.length}`;
}
