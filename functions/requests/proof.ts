import { createHmac, timingSafeEqual } from 'node:crypto';
import { encode } from '../../backup-set/base/document.ts';
import { type AskedRestore, UnprovenAsked } from '../../backup-set/documents/restore/asked.ts';

/** Bound to this use, so that the token as a key proves nothing else. */
const PURPOSE = 'stowage/asked-restore/1\n';

/** The HMAC-SHA-256 of a request, whose fields are in the order of its schema. */
export function proofOf(asked: UnprovenAsked, token: string): string {
  return createHmac('sha256', token)
    .update(PURPOSE)
    .update(encode(UnprovenAsked, asked))
    .digest('hex');
}

/** Whether a program with this token wrote the request as it is. */
export function isProven({ hmac, ...asked }: AskedRestore, token: string): boolean {
  return timingSafeEqual(Buffer.from(hmac, 'hex'), Buffer.from(proofOf(asked, token), 'hex'));
}
