import type * as z from 'zod';
import { decode } from '../base/document.ts';
import { StowageError } from '../base/errors.ts';
import { ManifestPart } from './manifest.ts';

const PartPack = ManifestPart.shape.packs.element;
/** A pack of a manifest part, with its extents. */
export type PartPack = z.output<typeof PartPack>;

/** A pack with 100,000 extents takes 15 MB. */
const PACK_BYTES_MAX = 32 * 1024 * 1024;
/** Of a field's name; a longer one is not `packs`. */
const NAME_CHARS_MAX = 16;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OBJECT, OBJECT_END, ARRAY, ARRAY_END] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Reads the packs of a manifest part from pieces of its bytes. Only one pack is parsed at a time: a
 * part of a million extents takes 145 MB, and several times as much when it is parsed as a whole.
 * The caller must check the digest of the bytes.
 * @returns takes a piece, and gives the packs that end in it. Throws StowageError `set/unreadable`.
 */
export function partPacks(key: string): (piece: Uint8Array) => Generator<PartPack> {
  const json = jsonStructure();
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  const keep = (bytes: Uint8Array) => {
    kept.push(bytes);
    keptBytes += bytes.length;
    if (keptBytes <= PACK_BYTES_MAX) return;
    const message = `${key}: the extents of a pack have more than ${PACK_BYTES_MAX} bytes`;
    throw new StowageError('set/unreadable', message, { where: { object: key } });
  };
  return function* packsOf(piece) {
    let start = kept.length > 0 ? 0 : -1;
    for (let at = 0; at < piece.length; at++) {
      const found = json.visit(piece[at] ?? 0);
      if (found === 'begin') start = at;
      if (found !== 'end' || start < 0) continue;
      keep(piece.subarray(start, at + 1));
      start = -1;
      const bytes = joined(kept, keptBytes);
      kept = [];
      keptBytes = 0;
      yield decode(PartPack, { key, bytes });
    }
    // Copied: the source may use its memory again.
    if (start >= 0) keep(piece.slice(start));
  };
}

/** Follows JSON byte by byte, and says where an object of the field `packs` begins and ends. */
function jsonStructure() {
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let isInPacks = false;
  /** The last string of the outermost object. */
  let name = '';
  const inText = (byte: number) => {
    if (isEscaped) isEscaped = false;
    else if (byte === BACKSLASH) isEscaped = true;
    else if (byte === QUOTE) inString = false;
    if (inString && depth === 1 && name.length < NAME_CHARS_MAX) name += String.fromCharCode(byte);
  };
  return {
    visit(byte: number): 'begin' | 'end' | undefined {
      if (inString) {
        inText(byte);
      } else if (byte === QUOTE) {
        inString = true;
        if (depth === 1) name = '';
      } else if (byte === OBJECT || byte === ARRAY) {
        depth++;
        if (depth === 2) isInPacks = byte === ARRAY && name === 'packs';
        if (isInPacks && depth === 3) return 'begin';
      } else if (byte === OBJECT_END || byte === ARRAY_END) {
        depth--;
        if (isInPacks && depth === 2) return 'end';
      }
      return undefined;
    },
  };
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
