/** What an executable says about the machine that it needs. */
export interface Executable {
  readonly architecture: 'x64' | 'arm64';
  /** The highest version of each library's symbols: `GLIBC` → `2.28`. */
  readonly needs: ReadonlyMap<string, string>;
  /** Shared libraries, as the dynamic linker looks for them. */
  readonly libraries: readonly string[];
}

const MACHINES: Readonly<Record<number, Executable['architecture']>> = { 62: 'x64', 183: 'arm64' };
const HEADER_BYTES = 64;
const SECTION_DYNAMIC = 6;
const SECTION_VERSIONS_NEEDED = 0x6ffffffe;
const TAG_NEEDED = 1n;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entries: number;
}

/**
 * Reads an ELF file of 64 bits (`readelf -hdV`). @throws Error when the bytes are not one, or end
 * before the last section.
 */
export function readExecutable(bytes: Buffer): Executable {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== '\x7fELF' || bytes[4] !== 2)
    throw new Error('not an ELF file of 64 bits');
  const machine = bytes.readUInt16LE(18);
  const architecture = MACHINES[machine];
  if (architecture === undefined) throw new Error(`ELF machine ${machine} is not supported`);
  const sections = sectionsOf(bytes);
  return {
    architecture,
    needs: versionsOf(bytes, sections),
    libraries: librariesOf(bytes, sections),
  };
}

function sectionsOf(bytes: Buffer): readonly Section[] {
  const start = Number(bytes.readBigUInt64LE(40));
  const [size, count] = [bytes.readUInt16LE(58), bytes.readUInt16LE(60)];
  if (start + size * count > bytes.length) throw new Error('the ELF file is truncated');
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
      link: bytes.readUInt32LE(at + 40),
      entries: bytes.readUInt32LE(at + 44),
    };
  });
}

/** Section `.gnu.version_r`: libraries, and of each the versions of its symbols that are used. */
function versionsOf(bytes: Buffer, sections: readonly Section[]): ReadonlyMap<string, string> {
  const needed = sections.find(({ type }) => type === SECTION_VERSIONS_NEEDED);
  const highest = new Map<string, string>();
  if (needed === undefined) return highest;
  let library = needed.offset;
  for (let each = 0; each < needed.entries; each++) {
    let version = library + bytes.readUInt32LE(library + 8);
    for (let left = bytes.readUInt16LE(library + 2); left > 0; left--) {
      const name = textAt(bytes, sections[needed.link], bytes.readUInt32LE(version + 8));
      const [, family, number] = /^(\w+?)_([\d.]+)$/.exec(name) ?? [];
      if (family !== undefined && number !== undefined) {
        const known = highest.get(family);
        if (known === undefined || isOlder(known, number)) highest.set(family, number);
      }
      version += bytes.readUInt32LE(version + 12);
    }
    library += bytes.readUInt32LE(library + 12);
  }
  return highest;
}

function librariesOf(bytes: Buffer, sections: readonly Section[]): string[] {
  const dynamic = sections.find(({ type }) => type === SECTION_DYNAMIC);
  if (dynamic === undefined) return [];
  const names: string[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16)
    if (bytes.readBigUInt64LE(at) === TAG_NEEDED)
      names.push(textAt(bytes, sections[dynamic.link], Number(bytes.readBigUInt64LE(at + 8))));
  return names;
}

function textAt(bytes: Buffer, names: Section | undefined, offset: number): string {
  const from = (names?.offset ?? 0) + offset;
  return bytes.toString('latin1', from, bytes.indexOf(0, from));
}

/** Compares versions number by number: 2.9 is older than 2.28. */
function isOlder(one: string, other: string): boolean {
  return one.localeCompare(other, 'en', { numeric: true }) < 0;
}
