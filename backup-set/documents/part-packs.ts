import { decode } from '../base/document.ts';
import { StowageError } from '../base/errors.ts';
import { type Extent, Extents, ObjectRef } from './receipt.ts';

/** What is read of a pack: its extents, in one or more batches, and then its size. */
export type PackPiece =
  | { readonly extents: readonly Extent[]; readonly packBytes?: never }
  | { readonly packBytes: number; readonly extents?: never };

/** Of the fields of a pack. A key has at most 1,024 characters. */
const PACK_TEXT_BYTES_MAX = 64 * 1024;
/** Text of extents that is parsed at once: some 100 of them. */
const BATCH_BYTES = 16 * 1024;
/** Of a field's name; a longer one is neither `packs` nor `extents`. */
const NAME_CHARS_MAX = 16;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OBJECT, OBJECT_END, ARRAY, ARRAY_END] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Reads a list of extents without parsing it, and validates as the schema does. Gives the position
 * of the first extent that it has not read, or the length of the list.
 */
export type ScanExtents = (list: Uint8Array) => number;

/**
 * Reads the packs of a manifest part from pieces of its bytes. A part of a million extents takes
 * 145 MB, and several times as much when it is parsed as a whole: here a few extents are parsed at
 * a time. The caller must check the digest of the bytes.
 * @param scan extents that it reads are not given as pieces.
 * @returns takes a piece, and gives what ends in it. Throws StowageError `set/unreadable`.
 */
export function partPacks(
  key: string,
  scan: ScanExtents = () => 1,
): (piece: Uint8Array) => Generator<PackPiece> {
  const structure = partStructure();
  const batch = extentsText(key, scan);
  /** The pack's text without its extents. */
  let pack: number[] = [];
  return function* piecesOf(piece) {
    for (let at = 0; at < piece.length; at++) {
      if (structure.isInExtents()) {
        // No valid extent has a bracket, so the next one ends the list.
        const end = piece.indexOf(ARRAY_END, at);
        yield* batch.append(piece.subarray(at, end < 0 ? piece.length : end));
        if (end < 0) return;
        yield* batch.end();
        at = end;
      }
      const byte = piece[at] ?? 0;
      const place = structure.visit(byte);
      if (place === 'outside') continue;
      pack.push(byte);
      if (pack.length > PACK_TEXT_BYTES_MAX) throw tooLong(key, 'a pack', PACK_TEXT_BYTES_MAX);
      if (place !== 'pack-end') continue;
      const { bytes: packBytes } = decode(ObjectRef, { key, bytes: Uint8Array.from(pack) });
      pack = [];
      yield { packBytes };
    }
  };
}

/** Follows JSON byte by byte, and says whether a byte belongs to a pack. */
function partStructure() {
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let isInPacks = false;
  let isInExtents = false;
  /** The last string of the part itself, or of a pack. */
  let name = '';
  const inText = (byte: number) => {
    if (isEscaped) isEscaped = false;
    else if (byte === BACKSLASH) isEscaped = true;
    else if (byte === QUOTE) inString = false;
    if (inString && name.length < NAME_CHARS_MAX && (depth === 1 || depth === 3))
      name += String.fromCharCode(byte);
  };
  return {
    /** The next byte is one of the list of extents. */
    isInExtents: () => isInExtents,
    visit(byte: number): 'outside' | 'pack' | 'pack-end' {
      if (inString) {
        inText(byte);
      } else if (byte === QUOTE) {
        inString = true;
        if (depth === 1 || depth === 3) name = '';
      } else if (byte === OBJECT || byte === ARRAY) {
        if (depth === 1) isInPacks = byte === ARRAY && name === 'packs';
        isInExtents = isInPacks && depth === 3 && byte === ARRAY && name === 'extents';
        depth++;
      } else if (byte === OBJECT_END || byte === ARRAY_END) {
        isInExtents = false;
        depth--;
        if (isInPacks && depth === 2) return 'pack-end';
      }
      return isInPacks && depth >= 3 ? 'pack' : 'outside';
    },
  };
}

/** Parses the text between the brackets of a list of extents, some at a time. */
function extentsText(key: string, scan: ScanExtents) {
  const text = new Uint8Array(BATCH_BYTES);
  text[0] = ARRAY;
  let size = 1;
  /** The extents that end before this position. */
  const take = (end: number): PackPiece => {
    const next = text[end];
    text[end] = ARRAY_END;
    const list = text.subarray(0, end + 1);
    const from = scan(list);
    // The bracket takes the place of the comma before the extent.
    if (from < list.length) list[from - 1] = ARRAY;
    const bytes = list.subarray(from - 1);
    const extents = from < list.length ? decode(Extents, { key, bytes }) : [];
    if (next !== undefined) text[end] = next;
    const rest = next === COMMA ? end + 1 : end;
    text.copyWithin(1, rest, size);
    size = Math.max(1, size - rest + 1);
    return { extents };
  };
  return {
    *append(piece: Uint8Array): Generator<PackPiece> {
      for (let at = 0; at < piece.length; ) {
        // The last batch ended with an extent, before the comma behind it.
        if (size === 1 && piece[at] === COMMA) {
          at += 1;
          continue;
        }
        // One place stays free for the bracket at the end.
        const part = piece.subarray(at, at + BATCH_BYTES - 1 - size);
        text.set(part, size);
        at += part.length;
        size += part.length;
        if (size < BATCH_BYTES - 1) continue;
        const end = text.lastIndexOf(OBJECT_END, size - 1) + 1;
        if (end === 0) throw tooLong(key, 'an extent', BATCH_BYTES);
        yield take(end);
      }
    },
    *end(): Generator<PackPiece> {
      if (size > 1) yield take(size);
    },
  };
}

function tooLong(key: string, what: string, bytesMax: number): StowageError {
  return new StowageError('set/unreadable', `${key}: ${what} has more than ${bytesMax} bytes`, {
    where: { object: key },
  });
}
