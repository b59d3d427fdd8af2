import { decode, encode, type RawDocument } from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { Seal } from '../../backup-set/documents/seal.ts';
import { sealMac } from '../../frame/seal/derive.ts';
import type { Deps } from '../../functions/deps.ts';
import { foldHeads, loadHeads } from '../../functions/stored/fold.ts';
import type { HeldKeys } from './held.ts';

/**
 * Proves that the manifest of an encrypted set follows from what its coordinator sealed: frames
 * cannot be forged, but without this check documents that name older or other frames could be.
 * Reads plan, seal and receipts, no rows.
 * @throws StowageError `set/damaged` naming the document.
 */
export async function requireProven(
  deps: Deps,
  manifest: Manifest,
  { setKey }: Pick<HeldKeys, 'setKey'>,
): Promise<void> {
  const { timestamp } = manifest;
  const heads = await loadHeads(deps, timestamp);
  if (heads.seal === undefined)
    throw forged(timestamp, 'seal', 'it is missing, so nothing proves the manifest');
  const fault = sealFault(setKey, heads.seal);
  if (fault !== undefined) throw forged(timestamp, 'seal', fault);
  const folded = await foldHeads(deps, timestamp, heads);
  if (folded.status !== 'complete') {
    const [first] = folded.problems;
    const why = first === undefined ? folded.status : describeProblem(first);
    throw forged(timestamp, 'manifest', `the sealed documents do not give a complete set: ${why}`);
  }
  if (!Buffer.from(folded.bytes).equals(encode(Manifest, manifest)))
    throw forged(timestamp, 'manifest', 'it does not follow from the sealed receipts');
}

/** What is wrong with the proof of a seal; undefined: a holder of the set's key wrote it. */
export function sealFault(setKey: Uint8Array, seal: RawDocument): string | undefined {
  decode(Seal, seal);
  const signed = withoutMac(seal.bytes);
  return signed !== undefined && signed.mac === sealMac(setKey, signed.bytes)
    ? undefined
    : 'it is not the one that the coordinator of the backup wrote';
}

const MAC = /,"mac":"([0-9a-f]{64})"\}\n$/;

/**
 * The mac, and the bytes that it is of: also fields that this program does not know, which a later
 * version wrote.
 */
function withoutMac(
  bytes: Uint8Array,
): { readonly mac: string; readonly bytes: Buffer } | undefined {
  const text = Buffer.from(bytes).toString('utf8');
  const found = MAC.exec(text);
  if (found?.[1] === undefined) return undefined;
  return { mac: found[1], bytes: Buffer.from(`${text.slice(0, found.index)}}\n`) };
}

function forged(timestamp: string, kind: 'seal' | 'manifest', why: string): StowageError {
  const object = formatKey({ kind, timestamp });
  return new StowageError('set/damaged', `set ${timestamp}: ${object}: ${why}`, {
    where: { set: timestamp, object },
  });
}
