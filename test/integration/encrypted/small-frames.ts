import { constants, crc32, zstdCompressSync } from 'node:zlib';
import type { Encryption } from '../../../backup-set/documents/plan.ts';
import type { Extent } from '../../../backup-set/documents/receipt.ts';
import type { Seal } from '../../../backup-set/documents/seal.ts';
import { digestOf as digestOfRows, digestText } from '../../../frame/digest.ts';
import { hex } from '../../../frame/hex.ts';

/** The relations of small sets. */
export const RELATIONS = [
  { id: 0, schema: 'public', name: 'place', kind: 'table' as const, columns: ['id', 'name'] },
  { id: 1, schema: 'Odd "one"', name: 'a.b', kind: 'table' as const, columns: ['n'] },
  { id: 2, schema: 'public', name: 'empty', kind: 'table' as const, columns: [] },
];

/** How an encrypted set is sealed. */
export interface SmallEncryption {
  readonly encryption: Encryption;
  readonly frame: (
    content: number,
    place: { readonly key: string; readonly offset: number },
    relation: { readonly schema: string; readonly name: string },
    bytes: Buffer,
  ) => Buffer;
  readonly file: (content: number, key: string, bytes: Buffer) => Buffer;
  readonly digest: (content: number, rows: Buffer) => string;
  readonly sealed: (seal: Seal) => Seal;
}

export interface Frame {
  readonly bytes: Buffer;
  readonly extent: Omit<Extent, 'offset'>;
}

export function frame(
  relation: number,
  content: number,
  first: number,
  rows: number,
  encrypted?: SmallEncryption,
): Frame {
  const text = Array.from(
    { length: rows },
    (_, row) => `${first + row}\tcontent ${content} says \\N\\n\n`,
  );
  const plain = Buffer.from(text.join(''));
  const bytes = zstdCompressSync(plain, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  return {
    bytes,
    extent: {
      ...{ relation, length: bytes.length, rows, bytes: plain.length, crc32: hex(crc32(bytes)) },
      digest: encrypted?.digest(content, plain) ?? digestText(digestOfRows(plain)),
    },
  };
}

/** The same frames, each sealed for its place in the pack. */
export function sealed(
  frames: readonly Frame[],
  content: number,
  key: string,
  encrypted: SmallEncryption,
): Frame[] {
  let offset = 0;
  return frames.map(({ bytes: plain, extent }) => {
    const { schema = '', name = '' } = RELATIONS[extent.relation] ?? {};
    const bytes = encrypted.frame(content, { key, offset }, { schema, name }, plain);
    offset += bytes.length;
    return { bytes, extent: { ...extent, length: bytes.length, crc32: hex(crc32(bytes)) } };
  });
}

export function tile(frames: readonly Frame[]): Extent[] {
  let offset = 0;
  return frames.map(({ extent }) => {
    const { relation, ...rest } = extent;
    const placed = { relation, offset, ...rest };
    offset += extent.length;
    return placed;
  });
}
