import { StowageError } from '../../backup-set/base/errors.ts';
import { decoderOf } from './encodings.ts';

/** One entry of the table of contents of a pg_dump archive. */
export interface TocEntry {
  readonly id: number;
  /** `TABLE`, `INDEX`, `FK CONSTRAINT`, … */
  readonly kind: string;
  /** Empty: the object is in no schema. */
  readonly schema: string;
  /** pg_dump's tag, such as `t t_pkey` of a constraint. Undefined: it cannot be decoded. */
  readonly name: string | undefined;
  readonly section: 'none' | 'pre-data' | 'data' | 'post-data';
  /** Empty: none. */
  readonly owner: string;
  readonly tablespace: string;
  readonly accessMethod: string;
  readonly dependsOn: readonly number[];
  /** The SQL text that makes the object. */
  definition(): string;
}

/** Which programs wrote an archive. */
export interface ArchiveHeader {
  /** Of the archive format 1.x. */
  readonly minor: number;
  /** `17.10`, of the server that was dumped and of pg_dump. */
  readonly serverVersion: string;
  readonly dumpVersion: string;
}

/** An SQL text of this size is a damaged length. */
const ENTRY_BYTES_MAX = 256 * 1024 * 1024;
/** The header has the name of a database, which a server limits to 63 bytes. */
const HEADER_BYTES_MAX = 64 * 1024;
const SECTIONS = ['none', 'none', 'pre-data', 'data', 'post-data'] as const;
/** pg_dump's format 1.x; every release from 8.4 to 18 writes one of these. */
const MINOR_MIN = 11;
const MINOR_MAX = 16;
const GREENPLUM_6_MINOR = 13;

/** The bytes at hand end inside an entry. */
class Incomplete extends Error {}

/**
 * Reads the table of contents at the front of a pg_dump archive in the custom format. Holds one
 * entry in memory, and takes no more of `bytes` than it needs.
 * @throws StowageError `set/unreadable` when the bytes are not such an archive.
 */
export async function* readToc(
  bytes: AsyncIterable<Uint8Array>,
  object: string,
  onHeader?: (header: ArchiveHeader) => void,
): AsyncGenerator<TocEntry> {
  const unreadable = unreadableIn(object);
  let rest: Buffer = Buffer.alloc(0);
  let format: Format | undefined;
  let left = Number.POSITIVE_INFINITY;
  for await (const chunk of bytes) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    if (rest.length > ENTRY_BYTES_MAX) throw unreadable('an entry of the archive is too long');
    const reader = readerOf(rest, unreadable);
    for (let at = 0; left > 0; at = reader.at()) {
      try {
        if (format === undefined) {
          format = readHeader(reader, unreadable);
          onHeader?.(format);
          left = format.entries;
          continue;
        }
        yield readEntry(reader, format);
        left -= 1;
      } catch (error) {
        if (!(error instanceof Incomplete)) throw error;
        rest = rest.subarray(at);
        break;
      }
    }
    if (left === 0) return;
  }
  throw unreadable('the archive ends inside its table of contents');
}

function unreadableIn(object: string) {
  return (message: string) =>
    new StowageError('set/unreadable', `${object}: ${message}`, { where: { object } });
}

/** Takes no more of `bytes` than the header. @throws as `readToc`. */
export async function readArchiveHeader(
  bytes: AsyncIterable<Uint8Array>,
  object: string,
): Promise<ArchiveHeader> {
  const unreadable = unreadableIn(object);
  let front: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    front = Buffer.concat([front, chunk]);
    try {
      return readHeader(readerOf(front, unreadable), unreadable);
    } catch (error) {
      if (!(error instanceof Incomplete) || front.length > HEADER_BYTES_MAX) throw error;
    }
  }
  throw unreadable('the archive ends inside its header');
}

interface Format extends ArchiveHeader {
  readonly intBytes: number;
  readonly offsetBytes: number;
  readonly entries: number;
  /** Set by the first entry, ENCODING. */
  decode: (text: Uint8Array) => string | undefined;
}

type Reader = ReturnType<typeof readerOf>;

function readerOf(bytes: Buffer, unreadable: (message: string) => StowageError) {
  let at = 0;
  let intBytes = 4;
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Incomplete();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const byte = () => take(1)[0] ?? 0;
  const int = () => {
    const isNegative = byte() !== 0;
    const size = take(intBytes).readUIntLE(0, Math.min(intBytes, 6));
    return isNegative ? -size : size;
  };
  return {
    at: () => at,
    take,
    byte,
    int,
    useInts(size: number) {
      if (size < 1 || size > 8) throw unreadable('the sizes in its header are impossible');
      intBytes = size;
    },
    /** Undefined: NULL. */
    text(): Buffer | undefined {
      const length = int();
      if (length > ENTRY_BYTES_MAX) throw unreadable('a text of the archive is too long');
      return length < 0 ? undefined : take(length);
    },
  };
}

function readHeader(reader: Reader, unreadable: (message: string) => StowageError): Format {
  if (reader.take(5).toString('latin1') !== 'PGDMP')
    throw unreadable('it is not an archive of pg_dump');
  const [major, minor] = [reader.byte(), reader.byte()];
  if (major !== 1 || minor < MINOR_MIN || minor > MINOR_MAX)
    throw unreadable(`its archive format ${major}.${minor} is unknown`);
  reader.byte();
  const intBytes = reader.byte();
  reader.useInts(intBytes);
  const offsetBytes = reader.byte();
  if (reader.byte() !== 1) throw unreadable('it is not in the custom format of pg_dump');
  if (minor >= 15) reader.byte();
  else reader.int();
  // The time of the dump, and the database.
  for (let field = 0; field < 7; field++) reader.int();
  reader.text();
  const version = () => reader.text()?.toString('latin1').replace(/ .*/, '') ?? '';
  const [serverVersion, dumpVersion] = [version(), version()];
  const entries = reader.int();
  const decode = decoderOf('UTF8');
  return { minor, serverVersion, dumpVersion, intBytes, offsetBytes, entries, decode };
}

function readEntry(reader: Reader, format: Format): TocEntry {
  const { minor } = format;
  reader.useInts(format.intBytes);
  const id = reader.int();
  reader.int();
  reader.text();
  reader.text();
  const tag = reader.text();
  const kind = reader.text()?.toString('latin1') ?? '';
  const section = SECTIONS[reader.int()] ?? 'none';
  const definition = reader.text() ?? Buffer.alloc(0);
  // What drops the object, and what copies its rows.
  reader.text();
  reader.text();
  const schema = reader.text();
  const tablespace = reader.text();
  const accessMethod = minor >= 14 ? reader.text() : undefined;
  if (minor >= 16) reader.int();
  const owner = reader.text();
  reader.text();
  const dependsOn: number[] = [];
  for (let text = reader.text(); text !== undefined; text = reader.text())
    dependsOn.push(Number(text.toString('latin1')));
  reader.take(1 + format.offsetBytes);
  if (kind === 'ENCODING')
    format.decode = decoderOf(/'(.*)'/.exec(definition.toString('latin1'))?.[1] ?? '');
  const { decode } = format;
  const nameOf = (text: Buffer | undefined) => decode(text ?? Buffer.alloc(0)) ?? '';
  const inSchema = decode(schema ?? Buffer.alloc(0));
  return {
    id,
    kind,
    schema: inSchema ?? '',
    name: inSchema === undefined ? undefined : decode(tag ?? Buffer.alloc(0)),
    section,
    owner: kind === 'DATABASE' ? ownerOfDatabase(nameOf(owner), minor) : nameOf(owner),
    tablespace: nameOf(tablespace),
    accessMethod: nameOf(accessMethod),
    dependsOn,
    definition: () => decode(definition) ?? definition.toString('latin1'),
  };
}

/** pg_dump of Greenplum 6 writes the oid of the owner, which says nothing in another cluster. */
function ownerOfDatabase(owner: string, minor: number): string {
  return minor <= GREENPLUM_6_MINOR && /^\d+$/.test(owner) ? '' : owner;
}
