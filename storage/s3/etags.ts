import { createHash } from 'node:crypto';

/** Servers put quotes round etags in some answers and none in others; ours never have them. Empty is absent. */
export function plainEtag(etag: string | undefined): string | undefined {
  const plain = etag?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
  return plain === '' ? undefined : plain;
}

/**
 * The etag S3 and Ceph give an object made of parts: the md5 of the parts' md5s, and how many there are. Needed where
 * a server answers the last request without one (Ceph 16) and the writer may not ask. Undefined when the parts'
 * etags are no md5s, as with SSE-KMS.
 */
export function etagOfParts(etags: readonly (string | undefined)[]): string | undefined {
  const hash = createHash('md5');
  for (const etag of etags) {
    if (etag === undefined || !/^[0-9a-f]{32}$/.test(etag)) return undefined;
    hash.update(etag, 'hex');
  }
  return `${hash.digest('hex')}-${etags.length}`;
}
