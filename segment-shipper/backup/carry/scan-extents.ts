import type { RowFormat } from '../../../backup-set/documents/receipt.ts';
import { DIGEST_BYTES } from '../../../frame/digest.ts';

/** What a shipper needs of an extent. Object and digest are used again for the next extent. */
export interface ScannedExtent {
  relation: number;
  length: number;
  bytes: number;
  rowFormat: RowFormat | undefined;
  hasDigest: boolean;
  readonly digest: Buffer;
  range: number | undefined;
}

const [QUOTE, COMMA, ZERO, NINE] = [0x22, 0x2c, 0x30, 0x39];
const [OBJECT, OBJECT_END, ARRAY_END] = [0x7b, 0x7d, 0x5d];
const DIGITS_MAX = 16;
const DIGEST_CHARS = (DIGEST_BYTES * 4) / 3;
const CRC_CHARS = 8;

const NUMBERS = ['{"relation":', ',"offset":', ',"length":', ',"rows":', ',"bytes":'] as const;
const NUMBER_NAMES = NUMBERS.map((name) => Buffer.from(name));
/** Lengths, rows and bytes are at least 1. */
const NUMBER_MINIMA = [0, 0, 1, 1, 1] as const;
const CRC = Buffer.from(',"crc32":"');
const BINARY = Buffer.from(',"rowFormat":"binary"');
const DIGEST = Buffer.from(',"digest":"');
const RANGE = Buffer.from(',"range":');

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Value of each character of base64url; 255 = none. */
const SIXTHS = new Uint8Array(256).fill(255);
for (const [value, char] of [...BASE64URL].entries()) SIXTHS[char.charCodeAt(0)] = value;

/**
 * Reads a JSON list of extents as our programs write it, byte by byte: to parse a million extents
 * into objects leaves so much garbage that a shipper needs half as much memory again. It accepts
 * nothing that the schema `Extents` rejects.
 * @returns scans a list, and gives the position of the first extent that is written in another way
 * (the caller parses the list from there on), or the length of the list.
 */
export function extentScanner(
  visit: (extent: ScannedExtent) => void,
): (list: Uint8Array) => number {
  const extent: ScannedExtent = {
    ...{ relation: 0, length: 0, bytes: 0, rowFormat: undefined, hasDigest: false },
    ...{ digest: Buffer.alloc(DIGEST_BYTES), range: undefined },
  };
  const numbers = new Float64Array(NUMBERS.length);
  /** Where the last call has stopped reading. */
  let at = 0;

  function skip(list: Uint8Array, text: Buffer): boolean {
    for (let index = 0; index < text.length; index++)
      if (list[at + index] !== text[index]) return false;
    at += text.length;
    return true;
  }

  /** @returns undefined = no number as JSON.stringify writes it, or not a safe one. */
  function number(list: Uint8Array): number | undefined {
    const start = at;
    let value = 0;
    for (; at - start <= DIGITS_MAX; at++) {
      const byte = list[at] ?? 0;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + (byte - ZERO);
    }
    const digits = at - start;
    const isPlain = digits === 1 || (digits > 1 && list[start] !== ZERO);
    return isPlain && digits <= DIGITS_MAX && Number.isSafeInteger(value) ? value : undefined;
  }

  function crc(list: Uint8Array): boolean {
    for (const end = at + CRC_CHARS; at < end; at++) {
      const byte = list[at] ?? 0;
      const isHex = (byte >= ZERO && byte <= NINE) || (byte >= 0x61 && byte <= 0x66);
      if (!isHex) return false;
    }
    return list[at++] === QUOTE;
  }

  function digest(list: Uint8Array): boolean {
    for (let from = 0, to = 0; from < DIGEST_CHARS; from += 4, to += 3) {
      let quad = 0;
      for (let char = 0; char < 4; char++) {
        const sixth = SIXTHS[list[at++] ?? 0] ?? 255;
        if (sixth === 255) return false;
        quad = (quad << 6) | sixth;
      }
      extent.digest[to] = quad >>> 16;
      extent.digest[to + 1] = (quad >>> 8) & 255;
      extent.digest[to + 2] = quad & 255;
    }
    return list[at++] === QUOTE;
  }

  /** Reads the extent at `at`, and goes to what follows it. */
  function read(list: Uint8Array): boolean {
    for (const [index, name] of NUMBER_NAMES.entries()) {
      if (!skip(list, name)) return false;
      const value = number(list);
      if (value === undefined || value < (NUMBER_MINIMA[index] ?? 0)) return false;
      numbers[index] = value;
    }
    if (!skip(list, CRC) || !crc(list)) return false;
    extent.rowFormat = skip(list, BINARY) ? 'binary' : undefined;
    extent.hasDigest = skip(list, DIGEST);
    if (extent.hasDigest && !digest(list)) return false;
    extent.range = undefined;
    if (skip(list, RANGE)) {
      extent.range = number(list);
      if (extent.range === undefined) return false;
    }
    extent.relation = numbers[0] ?? 0;
    extent.length = numbers[2] ?? 0;
    extent.bytes = numbers[4] ?? 0;
    return list[at++] === OBJECT_END;
  }

  return function scan(list) {
    const last = list.length - 1;
    for (let start = 1; ; start = at + 1) {
      at = start;
      if (!read(list)) return start;
      const isLast = at === last && list[at] === ARRAY_END;
      if (!isLast && !(list[at] === COMMA && list[at + 1] === OBJECT)) return start;
      visit(extent);
      if (isLast) return list.length;
    }
  };
}
