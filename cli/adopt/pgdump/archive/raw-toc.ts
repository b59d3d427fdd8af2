import { UnsoundScript } from '../../script/unsound.ts';
import type { Bytes } from '../bytes.ts';
import type { Compression } from '../compressed/decompressed.ts';

/**
 * The table of contents of an archive of pg_dump with every field, so that it can be written again.
 * Texts have one character per byte (latin1); undefined: NULL.
 */
export interface RawToc {
  /** Of the archive format 1.x. */
  readonly minor: number;
  readonly compression: Compression;
  /** When it was made, in local time of its host: YYYYMMDDHHMMSS. */
  readonly createdAt: string;
  readonly time: readonly number[];
  readonly database: string;
  readonly serverVersion: string;
  readonly dumpVersion: string;
  readonly entries: readonly RawEntry[];
}

export interface RawEntry {
  readonly id: number;
  readonly hasDumper: number;
  readonly tableOid: string | undefined;
  readonly oid: string | undefined;
  readonly tag: string;
  readonly kind: string;
  /** 1 none, 2 pre-data, 3 data, 4 post-data. */
  readonly section: number;
  readonly definition: string | undefined;
  readonly drop: string | undefined;
  readonly copy: string | undefined;
  readonly schema: string | undefined;
  readonly tablespace: string | undefined;
  readonly accessMethod: string | undefined;
  readonly relkind: number;
  readonly owner: string | undefined;
  readonly withOids: string | undefined;
  readonly dependsOn: readonly number[];
  /** Whether the archive has bytes for it. */
  readonly hasData: boolean;
  /** Of a directory or tar archive: the file of these bytes. */
  readonly file: string | undefined;
}

export interface ReadToc {
  readonly toc: RawToc;
  int(): Promise<number>;
}

const FORMATS = { 1: 'custom', 3: 'tar', 5: 'directory' } as const;
export type ArchiveFormat = (typeof FORMATS)[keyof typeof FORMATS];
const MINOR_MIN = 11;
const MINOR_MAX = 16;
const NO_DATA = 3;
const TOC_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Reads the header and all entries; the bytes of the entries are behind them in a custom archive.
 * @throws UnsoundScript when it is cut off, or no such archive.
 */
export async function readRawToc(bytes: Bytes, wanted: readonly ArchiveFormat[]): Promise<ReadToc> {
  if ((await bytes.take(5)).toString('latin1') !== 'PGDMP')
    throw new UnsoundScript('it is not an archive of pg_dump');
  const [major, minor = 0, , intBytes = 4, offsetBytes = 8, code = 0] = await bytes.take(6);
  const format = Object.hasOwn(FORMATS, code) ? FORMATS[code as keyof typeof FORMATS] : undefined;
  if (major !== 1 || minor < MINOR_MIN || minor > MINOR_MAX)
    throw new UnsoundScript(`its archive format ${major}.${minor} is unknown`);
  if (format === undefined || !wanted.includes(format))
    throw new UnsoundScript(`its table of contents is of the format ${format ?? code}`);
  const byte = async () => (await bytes.take(1))[0] ?? 0;
  const int = async () => {
    const isNegative = (await byte()) !== 0;
    const value = (await bytes.take(intBytes)).readUIntLE(0, Math.min(intBytes, 6));
    return isNegative ? -value : value;
  };
  const text = async () => {
    const length = await int();
    if (bytes.at() + length > TOC_BYTES_MAX)
      throw new UnsoundScript('its table of contents is too long, or damaged');
    return length < 0 ? undefined : (await bytes.take(length)).toString('latin1');
  };
  const compression = compressionIn(minor, minor >= 15 ? await byte() : await int());
  const time: number[] = [];
  for (let field = 0; field < 7; field++) time.push(await int());
  const [database = '', serverVersion = '', dumpVersion = ''] = [
    await text(),
    await text(),
    await text(),
  ];
  const entries: RawEntry[] = [];
  for (let left = await int(); left > 0; left--) {
    const [id, hasDumper, tableOid, oid] = [await int(), await int(), await text(), await text()];
    const [tag = '', kind = '', section] = [await text(), await text(), await int()];
    const [definition, drop, copy] = [await text(), await text(), await text()];
    const [schema, tablespace] = [await text(), await text()];
    const accessMethod = minor >= 14 ? await text() : undefined;
    const relkind = minor >= 16 ? await int() : 0;
    const [owner, withOids] = [await text(), await text()];
    const dependsOn: number[] = [];
    for (let one = await text(); one !== undefined; one = await text()) dependsOn.push(Number(one));
    let [hasData, file] = [false, undefined as string | undefined];
    if (format === 'custom') hasData = (await bytes.take(1 + offsetBytes))[0] !== NO_DATA;
    else {
      file = await text();
      hasData = file !== undefined && file !== '';
    }
    entries.push({
      id,
      hasDumper,
      tableOid,
      oid,
      tag,
      kind,
      section,
      definition,
      drop,
      copy,
      schema,
      tablespace,
      accessMethod,
      relkind,
      owner,
      withOids,
      dependsOn,
      hasData,
      file,
    });
  }
  const createdAt = stampOf(time);
  const toc = { minor, compression, createdAt, time, database, entries };
  return { toc: { ...toc, serverVersion, dumpVersion }, int };
}

function compressionIn(minor: number, value: number): Compression {
  if (minor < 15) return value === 0 ? 'none' : 'zlib';
  const algorithm = (['none', 'zlib', 'lz4', 'zstd'] as const)[value];
  if (algorithm === undefined) throw new UnsoundScript(`its compression ${value} is unknown`);
  return algorithm;
}

/** Seconds, minutes, hours, day, month from 0, year from 1900. */
function stampOf(time: readonly number[]): string {
  const [second = 0, minute = 0, hour = 0, day = 0, month = 0, year = 0] = time;
  const two = (value: number) => String(value).padStart(2, '0');
  return [String(year + 1900), ...[month + 1, day, hour, minute, second].map(two)].join('');
}
