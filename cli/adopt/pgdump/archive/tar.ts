import { UnsoundScript } from '../../script/unsound.ts';
import { type Bytes, bytesOf } from '../bytes.ts';
import type { Archive, ArchiveItem } from './archive.ts';
import { lacking } from './custom.ts';
import { type RawEntry, type RawToc, readRawToc } from './raw-toc.ts';

const BLOCK_BYTES = 512;
const TOC = 'toc.dat';
const OBJECT = /^blob_(\d+)\.dat$/;
const LIST = /^blobs(?:_(\d+))?\.toc$/;

interface Member {
  readonly name: string;
  readonly data: AsyncGenerator<Buffer>;
}

/** True for the first block of a tar file. */
export const isTar = (block: Buffer) => block.toString('latin1', 257, 262) === 'ustar';

/** An archive in the tar format. Its table of contents comes first, so a pipe can be read. */
export async function tarArchive(bytes: Bytes): Promise<Archive> {
  const all = members(bytes);
  const first = await all.next();
  if (first.done === true || first.value.name !== TOC)
    throw new UnsoundScript(`it is a tar file that does not begin with ${TOC}`);
  const { toc } = await readRawToc(bytesOf(first.value.data), ['tar', 'directory']);
  const byFile = new Map(
    toc.entries.flatMap((entry) => (entry.hasData && entry.file ? [[entry.file, entry]] : [])),
  );

  async function* items(): AsyncGenerator<ArchiveItem> {
    const groups = groupsOf(toc);
    const [objects] = groups;
    const unlisted = new Set(groups.map(({ id }) => id));
    const missing = new Map([...byFile].filter(([, { kind }]) => kind !== 'BLOBS'));
    const listed = new Set<number>();
    const found = new Set<number>();
    for await (const { name, data } of all) {
      const [, oid] = OBJECT.exec(name) ?? [];
      const list = LIST.exec(name);
      const entry = byFile.get(name);
      missing.delete(name);
      if (list !== null) {
        // Before PostgreSQL 17, all objects are one group, and its list has no number.
        if (list[1] === undefined) unlisted.clear();
        else unlisted.delete(Number(list[1]));
        for (const one of await oidsIn(data)) listed.add(one);
      }
      if (oid !== undefined && objects !== undefined) {
        found.add(Number(oid));
        yield { kind: 'large-objects', entry: objects, objects: only({ oid: Number(oid), data }) };
      } else if (entry !== undefined) yield { kind: 'rows', entry, data };
      for await (const _ of data);
    }
    if (missing.size > 0) throw lacking([...missing.values()]);
    if (unlisted.size > 0) throw lacking(groups.filter(({ id }) => unlisted.has(id)));
    const lost = [...listed].find((oid) => !found.has(oid));
    if (lost !== undefined) throw new UnsoundScript(`it lacks the large object ${lost}`);
  }
  return { toc: withOneGroup(toc), hasOwnFiles: false, items };
}

const groupsOf = ({ entries }: RawToc): readonly RawEntry[] =>
  entries.filter(({ kind, hasData }) => kind === 'BLOBS' && hasData);

/**
 * The list of a group of large objects is behind them: their bytes are passed on before their group
 * is known. So one entry has all of them.
 */
function withOneGroup(toc: RawToc): RawToc {
  const [first, ...others] = groupsOf(toc);
  if (first === undefined || others.length === 0) return toc;
  const dependsOn = [first, ...others].flatMap((group) => group.dependsOn);
  const entries = toc.entries.filter((entry) => !others.includes(entry));
  return {
    ...toc,
    entries: entries.map((entry) => (entry === first ? { ...entry, dependsOn } : entry)),
  };
}

async function* only<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** `16385 blob_16385.dat` */
export async function oidsIn(data: AsyncIterable<Buffer>): Promise<readonly number[]> {
  const chunks = await Array.fromAsync(data);
  const lines = Buffer.concat(chunks).toString('latin1').split('\n');
  return lines.filter((line) => line !== '').map((line) => Number.parseInt(line, 10));
}

async function* members(bytes: Bytes): AsyncGenerator<Member> {
  for (;;) {
    const header = await bytes.take(BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) return;
    if (!isTar(header)) throw new UnsoundScript('a header in the tar file is damaged');
    const name = header.toString('latin1', 0, 100).replace(/\0.*$/s, '');
    const size = sizeIn(header);
    const state = { left: size };
    const data = contentOf(bytes, state);
    yield { name, data };
    while (state.left > 0) for await (const _ of contentOf(bytes, state));
    await bytes.take((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
  }
}

async function* contentOf(bytes: Bytes, state: { left: number }): AsyncGenerator<Buffer> {
  while (state.left > 0) {
    const piece = await bytes.some(state.left);
    if (piece === undefined) throw new UnsoundScript('the tar file is cut off');
    state.left -= piece.length;
    yield piece;
  }
}

/** In octal, or above 8 GiB in binary. */
function sizeIn(header: Buffer): number {
  if ((header[124] ?? 0) < 128) return Number.parseInt(header.toString('latin1', 124, 136), 8);
  return header.readUIntBE(130, 6);
}
