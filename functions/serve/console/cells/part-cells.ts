import { parseKey } from '../../../../backup-set/base/keys.ts';
import type { ManifestPart } from '../../../../backup-set/documents/manifest.ts';
import type { Cell } from '../api.ts';
import { codeOfCount, codeOfRatio, codeOfShare, MEASURES, NOT_READ } from './codes.ts';

/** Bytes of its rows in a content: in packs of this set, and in those of older sets. */
interface Stored {
  readonly own: Float64Array;
  readonly carried: Float64Array;
}

/**
 * The cells of one content: for each measure, a byte per table of the set. The part of the manifest
 * is not needed afterwards.
 */
export function cellsOf(part: ManifestPart, tables: number): Uint8Array {
  const cells = new Uint8Array(MEASURES.length * tables);
  const stored = storedOf(part, tables);
  for (const { relation, rows, bytes, readAt } of part.relations) {
    if (relation >= tables) continue;
    const carried = stored.carried[relation] ?? 0;
    const all = (stored.own[relation] ?? 0) + carried;
    const isRead = readAt === undefined || readAt === part.timestamp;
    const codes = [
      codeOfCount(rows),
      codeOfCount(bytes),
      codeOfRatio(bytes, all),
      isRead ? codeOfShare(carried, all) : NOT_READ,
    ];
    for (const [measure, code] of codes.entries()) cells[measure * tables + relation] = code;
  }
  return cells;
}

/** One table of a content in exact numbers; undefined when the content does not have it. */
export function cellOf(part: ManifestPart, table: number): Cell | undefined {
  const found = part.relations.find(({ relation }) => relation === table);
  if (found === undefined) return undefined;
  let own = 0;
  let carried = 0;
  let frames = 0;
  for (const { key, extents } of part.packs)
    for (const { relation, length } of extents) {
      if (relation !== table) continue;
      frames += 1;
      if (isOwn(key, part.timestamp)) own += length;
      else carried += length;
    }
  const { rows, bytes, readAt } = found;
  return {
    rows,
    bytes,
    storedBytes: own + carried,
    carriedBytes: carried,
    frames,
    ...(readAt !== undefined && readAt !== part.timestamp && { readAt }),
  };
}

function storedOf({ packs, timestamp }: ManifestPart, tables: number): Stored {
  const own = new Float64Array(tables);
  const carried = new Float64Array(tables);
  for (const { key, extents } of packs) {
    const sums = isOwn(key, timestamp) ? own : carried;
    for (const { relation, length } of extents)
      if (relation < tables) sums[relation] = (sums[relation] ?? 0) + length;
  }
  return { own, carried };
}

function isOwn(key: string, timestamp: string): boolean {
  const parsed = parseKey(key);
  return parsed?.kind === 'pack' && parsed.timestamp === timestamp;
}
