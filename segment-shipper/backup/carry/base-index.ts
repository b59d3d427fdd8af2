import type { RowFormat } from '../../../backup-set/documents/receipt.ts';
import { DIGEST_BYTES } from '../../../frame/digest.ts';

/** A reference to a smaller block is as large as its frame, and ties the set to an old pack. */
export const CARRIED_BYTES_MIN = 1024;
/** About 45 bytes of memory each. Rows beyond it are shipped in full. */
export const BASE_EXTENTS_MAX = 1_000_000;

/** What a block is, besides its rows. */
export interface BlockKind {
  readonly relation: number;
  readonly rowFormat: RowFormat | undefined;
  readonly bytes: number;
}

/** The frames of the base, by digest. All are added before the first is taken. */
export interface BaseIndex {
  /** Ignored when the index is full. @param digest the 24 bytes at `at` */
  add(kind: Omit<BlockKind, 'bytes'>, number: number, digest: Buffer, at?: number): void;
  /** How many were added. */
  size(): number;
  /** Forgets what was added since it had this size. */
  rollBack(size: number): void;
  /** The number of an extent with these rows. It is not given again. */
  take(kind: BlockKind, digest: Buffer): number | undefined;
}

const ENTRIES_MIN = 1024;
const DIGEST_WORDS = DIGEST_BYTES / 4;
/** Slots per entry, at least: a fuller table needs long searches. */
const SPACE = 2;
/** A slot whose entries were all taken: a search goes on behind it. */
const EMPTIED = 0xffffffff;

/**
 * Packed into a few buffers: a Map of a million strings would take more than 100 MB. A hash table
 * with linear probing. A slot holds the first of all entries with the same rows: a table of equal
 * rows has many.
 */
export function baseIndex(extents = ENTRIES_MIN): BaseIndex {
  let size = 0;
  let capacity = Math.max(ENTRIES_MIN, extents);
  let digests = new Uint32Array(capacity * DIGEST_WORDS);
  let owners = new Uint32Array(capacity);
  let numbers = new Uint32Array(capacity);
  /** Entries are counted from 1 here, 0 is none. */
  let nextSame = new Uint32Array(capacity);
  let slots = new Uint32Array(slotsFor(capacity));
  /** The digest that is looked for. Without it each comparison would make an object. */
  const wanted = new Uint32Array(DIGEST_WORDS);
  const read = (digest: Buffer, at = 0) => {
    for (let word = 0; word < DIGEST_WORDS; word++)
      wanted[word] = digest.readUInt32LE(at + word * 4);
  };
  const isWanted = (entry: number) => {
    const at = entry * DIGEST_WORDS;
    for (let word = 0; word < DIGEST_WORDS; word++)
      if (digests[at + word] !== wanted[word]) return false;
    return true;
  };

  /** The slot of the wanted rows, or the empty one where a search for them ends. */
  function find(owner: number): number {
    const mask = slots.length - 1;
    let slot = ((wanted[0] ?? 0) ^ Math.imul(owner, 0x9e3779b1)) & mask;
    for (let head = slots[slot] ?? 0; head !== 0; head = slots[slot] ?? 0) {
      if (head !== EMPTIED && owners[head - 1] === owner && isWanted(head - 1)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  const want = (entry: number) => {
    const at = entry * DIGEST_WORDS;
    for (let word = 0; word < DIGEST_WORDS; word++) wanted[word] = digests[at + word] ?? 0;
  };

  function place(entry: number): void {
    want(entry);
    const slot = find(owners[entry] ?? 0);
    nextSame[entry] = slots[slot] ?? 0;
    slots[slot] = entry + 1;
  }

  function grow(): void {
    capacity *= 2;
    digests = widened(digests, capacity * DIGEST_WORDS);
    owners = widened(owners, capacity);
    numbers = widened(numbers, capacity);
    nextSame = new Uint32Array(capacity);
    slots = new Uint32Array(slotsFor(capacity));
    for (let entry = 0; entry < size; entry++) place(entry);
  }

  return {
    add(kind, number, digest, at) {
      if (size >= BASE_EXTENTS_MAX) return;
      if (size === capacity) grow();
      read(digest, at);
      digests.set(wanted, size * DIGEST_WORDS);
      owners[size] = ownerOf(kind);
      numbers[size] = number;
      place(size++);
    },
    size: () => size,
    rollBack(to) {
      // The last first: no entry that stays has searched past the slot of a later one.
      while (size > to) {
        want(--size);
        slots[find(owners[size] ?? 0)] = nextSame[size] ?? 0;
      }
    },
    take(kind, digest) {
      if (kind.bytes < CARRIED_BYTES_MIN) return undefined;
      read(digest);
      const slot = find(ownerOf(kind));
      const head = slots[slot] ?? 0;
      if (head === 0) return undefined;
      slots[slot] = nextSame[head - 1] || EMPTIED;
      return numbers[head - 1];
    },
  };
}

/** A power of two, so that a mask gives the slot. */
const slotsFor = (capacity: number) => 2 ** Math.ceil(Math.log2(capacity * SPACE));

const ownerOf = ({ relation, rowFormat }: Omit<BlockKind, 'bytes'>) =>
  relation * 2 + (rowFormat === 'binary' ? 1 : 0);

function widened(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const wide = new Uint32Array(length);
  wide.set(array);
  return wide;
}
