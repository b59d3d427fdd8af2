import { createHmac, timingSafeEqual } from 'node:crypto';
import { encode } from '../../backup-set/base/document.ts';
import {
  AskedEnd,
  type AskedRestore,
  AskedStart,
  UnprovenAsked,
} from '../../backup-set/documents/restore/asked.ts';

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
  return isSame(hmac, proofOf(asked, token));
}

const isSame = (one: string, other: string) =>
  timingSafeEqual(Buffer.from(one, 'hex'), Buffer.from(other, 'hex'));

/** A proven request, and the token that has proven it. */
export interface OwnRequest {
  readonly asked: Pick<AskedRestore, 'id' | 'hmac'>;
  readonly token: string;
}

/**
 * The HMAC-SHA-256 of a document about a run of a request. It covers the proof of the request, so
 * that the document is about no other request and no other root.
 */
function runProofOf(run: AskedStart | AskedEnd, { asked, token }: OwnRequest): string {
  const isStart = run.format === 'stowage/asked-restore-start';
  return createHmac('sha256', token)
    .update(`${run.format}/1\n${asked.hmac}\n`)
    .update(isStart ? encode(AskedStart, run) : encode(AskedEnd, run))
    .digest('hex');
}

/** With the proof that a command with the token wrote it. */
export function withRunProof<Run extends AskedStart | AskedEnd>(run: Run, own: OwnRequest): Run {
  return { ...run, hmac: runProofOf(run, own) };
}

/** Whether a command with this token wrote a document about a run as it is. */
export function isProvenRun({ hmac, ...run }: AskedStart | AskedEnd, own: OwnRequest): boolean {
  return hmac !== undefined && isSame(hmac, runProofOf(run, own));
}
