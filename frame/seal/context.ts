import type { Name } from '../../backup-set/base/document.ts';

/**
 * What a sealed object is and where it belongs: its associated data. An object opens only where the
 * reader expects exactly this. NUL cannot occur in keys and names, so no two places look the same.
 */
export type SealContext = Buffer;

/** Where a frame lies: in which pack, behind how many bytes, with rows of which relation. */
export interface FramePlace {
  readonly key: string;
  readonly offset: number;
  readonly rowFormat?: 'binary' | undefined;
}

export function frameContext(place: FramePlace, { schema, name }: Name): SealContext {
  const { key, offset, rowFormat = 'text' } = place;
  return context('frame', key, String(offset), rowFormat, schema, name);
}

/** A metadata file, or a file of gpbackup. */
export function fileContext(key: string): SealContext {
  return context('file', key);
}

const context = (...parts: string[]) => Buffer.from(['stowage/1', ...parts].join('\0'));
