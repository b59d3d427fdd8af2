import { decode, type RawDocument } from '../../backup-set/base/document.ts';
import { Seal } from '../../backup-set/documents/seal.ts';
import { coordinatorMac, originalMac, sealMac } from '../../frame/seal/derive.ts';

/** What is wrong with the proof of a seal; undefined: a holder of the set's key wrote it. */
export function sealFault(setKey: Uint8Array, seal: RawDocument): string | undefined {
  decode(Seal, seal);
  const signed = withoutField(seal.bytes, 'mac');
  return signed !== undefined && signed.value === sealMac(setKey, signed.bytes)
    ? undefined
    : 'it is not the one that the coordinator of the backup wrote';
}

/** As `sealFault`, for a coordinator: it has the digest key, and the key of no older set. */
export function coordinatorFault(digestKey: Uint8Array, seal: RawDocument): string | undefined {
  decode(Seal, seal);
  const whole = withoutField(seal.bytes, 'mac');
  const signed = whole && withoutField(whole.bytes, 'coordinatorMac');
  if (signed === undefined)
    return 'it has no coordinatorMac: an earlier program wrote it, or the backup had no digest key, or another program made the set';
  return signed.value === coordinatorMac(digestKey, signed.bytes)
    ? undefined
    : 'its coordinatorMac is not of encryption.digestKeyFile: either the backup used another digest key, or another program made the set';
}

/** As `sealFault`, for a conversion: shows that a holder of the key of its original made it. */
export function originalFault(originalKey: Uint8Array, seal: RawDocument): string | undefined {
  decode(Seal, seal);
  const whole = withoutField(seal.bytes, 'mac');
  const own = whole && (withoutField(whole.bytes, 'coordinatorMac') ?? whole);
  const signed = own && withoutField(own.bytes, 'originalMac');
  if (signed === undefined) return 'its seal has no originalMac';
  return signed.value === originalMac(originalKey, signed.bytes)
    ? undefined
    : 'the originalMac of its seal differs';
}

const LAST = {
  originalMac: /,"originalMac":"([0-9a-f]{64})"\}\n$/,
  mac: /,"mac":"([0-9a-f]{64})"\}\n$/,
  coordinatorMac: /,"coordinatorMac":"([0-9a-f]{64})"\}\n$/,
} as const;

/**
 * The last field of a document, and the bytes that its mac is of: also fields that this program
 * does not know, which a later version wrote.
 */
export function withoutField(
  bytes: Uint8Array,
  field: keyof typeof LAST,
): { readonly value: string; readonly bytes: Buffer } | undefined {
  const text = Buffer.from(bytes).toString('utf8');
  const found = LAST[field].exec(text);
  if (found?.[1] === undefined) return undefined;
  return { value: found[1], bytes: Buffer.from(`${text.slice(0, found.index)}}\n`) };
}
