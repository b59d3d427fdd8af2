import { plural } from '../../../../backup-set/base/words.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import type { Bytes } from '../bytes.ts';
import { decompressed } from '../compressed/decompressed.ts';
import type { Archive, ArchiveItem, LargeObject } from './archive.ts';
import { type RawEntry, readRawToc } from './raw-toc.ts';

const BLOCK_DATA = 1;
const BLOCK_LARGE_OBJECTS = 3;

/** An archive in the custom format, which can be read from a pipe. */
export async function customArchive(bytes: Bytes): Promise<Archive> {
  const { toc, int } = await readRawToc(bytes, ['custom']);
  const entries = new Map(toc.entries.map((entry) => [entry.id, entry]));

  /** One stream in pieces with their lengths, up to the length 0. */
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let left = await int(); left !== 0; left = await int()) {
      if (left < 0) throw new UnsoundScript('a length in it is impossible: it is damaged');
      while (left > 0) {
        const piece = await bytes.some(left);
        if (piece === undefined) throw new UnsoundScript('it is cut off inside of its data');
        left -= piece.length;
        yield piece;
      }
    }
  }

  async function* objects(): AsyncGenerator<LargeObject> {
    for (let oid = await int(); oid !== 0; oid = await int()) {
      const raw = pieces();
      yield { oid, data: decompressed(raw, toc.compression) };
      await drain(raw);
    }
  }

  async function* items(): AsyncGenerator<ArchiveItem> {
    const missing = new Map(
      toc.entries.filter(({ hasData }) => hasData).map((one) => [one.id, one]),
    );
    while ((await bytes.peek(1)).length > 0) {
      const [block] = await bytes.take(1);
      const id = await int();
      const entry = entries.get(id);
      if (entry === undefined || !missing.delete(id))
        throw new UnsoundScript(`it has data with the number ${id}, which is no entry of it`);
      if (block === BLOCK_DATA) {
        const raw = pieces();
        yield { kind: 'rows', entry, data: decompressed(raw, toc.compression) };
        await drain(raw);
      } else if (block === BLOCK_LARGE_OBJECTS) {
        const all = objects();
        yield { kind: 'large-objects', entry, objects: all };
        await drain(all);
      } else throw new UnsoundScript(`it has a block of the unknown kind ${block}: it is damaged`);
    }
    if (missing.size > 0) throw lacking([...missing.values()]);
  }
  return { toc, hasOwnFiles: false, items };
}

async function drain(rest: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of rest);
}

/** @returns what says that an archive ends before it has the data of these entries. */
export function lacking(entries: readonly RawEntry[]): UnsoundScript {
  const [first] = entries;
  const name = [first?.schema, first?.tag].filter((part) => part).join('.');
  const more =
    entries.length > 1 ? ` and of ${plural(entries.length - 1, 'more entry', 'more entries')}` : '';
  return new UnsoundScript(`it is cut off: it lacks the data of ${first?.kind} ${name}${more}`);
}
