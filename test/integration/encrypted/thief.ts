import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { DOCUMENT_BYTES_MAX } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, type Key, parseKey } from '../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { bytesOf, fileOf } from '../functions/place.ts';

/** What a program that can write to the bucket does to one object. */
export interface Attack {
  readonly key: string;
  /** Another object, whose bytes or place it uses. */
  readonly other: string;
  readonly what: (typeof ATTACKS)[number];
  /** Where in the object. */
  readonly share: number;
  readonly bit: number;
  /** Chooses among more variants. */
  readonly variant: number;
}

const ATTACKS = [
  ...(['flip', 'truncate', 'extend', 'remove', 'replace', 'swap'] as const),
  ...(['relabel', 'digit', 'plant', 'plant', 'inflate'] as const),
] as const;

/**
 * One to three attacks. Each kind of object is attacked as often as the others, however many there
 * are, and half of the copies are of the same kind.
 * @param others objects that the attacker can copy, when they are more than those of the sets.
 */
export function someAttacks(
  keys: readonly string[],
  others: readonly string[] = keys,
): fc.Arbitrary<Attack[]> {
  const attack = oneOfEachKind(keys).chain((key) => {
    const alike = others.filter((other) => other !== key && kindOf(other) === kindOf(key));
    return fc.record({
      key: fc.constant(key),
      other:
        alike.length === 0
          ? oneOfEachKind(others)
          : fc.oneof(fc.constantFrom(...alike), oneOfEachKind(others)),
      what: fc.constantFrom(...ATTACKS),
      // Not fc.double: nearly all of its numbers are almost 0, which is the first byte.
      share: fc.nat(9_999).map((part) => part / 10_000),
      bit: fc.nat(7),
      variant: fc.nat(1000),
    });
  });
  return fc.array(attack, { minLength: 1, maxLength: 3 });
}

function oneOfEachKind(keys: readonly string[]): fc.Arbitrary<string> {
  const kinds = [...Map.groupBy(keys, kindOf).values()];
  return fc.constantFrom(...kinds).chain((alike) => fc.constantFrom(...alike));
}

/** Objects that are not of this root are kept below another folder. */
const kindOf = (key: string) => parseKey(key.slice(key.indexOf('sets/')))?.kind;

export async function carryOut(store: ObjectStore, attack: Attack): Promise<void> {
  const { key, other, what, share, bit, variant } = attack;
  const [own, others] = [await stored(store, key), await stored(store, other)];
  const place = Math.floor(share * own.length);
  switch (what) {
    case 'flip': {
      const byte = own[place];
      if (byte !== undefined) own[place] = byte ^ (1 << bit);
      return put(store, key, own);
    }
    case 'truncate':
      return put(store, key, own.subarray(0, place));
    case 'extend':
      return put(store, key, Buffer.concat([own, own.subarray(place)]));
    case 'remove':
      return rm(fileOf(store, key), { force: true });
    case 'replace':
      return put(store, key, others);
    case 'swap':
      await put(store, key, others);
      return put(store, other, own);
    case 'relabel': {
      const text = others.toString('latin1').replaceAll(setOf(other) || setOf(key), setOf(key));
      return put(store, key, Buffer.from(text, 'latin1'));
    }
    case 'digit':
      return put(store, key, withOtherDigit(own, share, bit));
    case 'inflate':
      await put(store, key, own);
      // A file with a hole: it costs no space.
      return key.endsWith('.json')
        ? truncate(fileOf(store, key), DOCUMENT_BYTES_MAX + 1)
        : undefined;
    case 'plant':
      return put(store, elsewhere(key, other, variant), variant % 2 === 0 ? own : others);
  }
}

/** Empty when an earlier attack has removed or inflated it. */
async function stored(store: ObjectStore, key: string): Promise<Buffer> {
  try {
    return Buffer.from(await bytesOf(store, key));
  } catch (error) {
    if (!isStowageError(error, 'storage/not-found', 'storage/too-large')) throw error;
    return Buffer.alloc(0);
  }
}

async function put(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  const file = fileOf(store, key);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
}

/** The set of an object; empty: it is not of this root. */
export const setOf = (key: string) => {
  const place = parseKey(key);
  return place !== undefined && 'timestamp' in place ? place.timestamp : '';
};

/** A document that is still JSON, with another number, time or digest. */
function withOtherDigit(bytes: Buffer, share: number, by: number): Buffer {
  const text = bytes.toString('latin1');
  const digits = [...text.matchAll(/\d/g)];
  const digit = digits[Math.floor(share * digits.length)];
  if (digit === undefined) return bytes;
  const changed = String((Number(digit[0]) + 1 + by) % 10);
  return Buffer.from(text.slice(0, digit.index) + changed + text.slice(digit.index + 1), 'latin1');
}

/** A key that differs from `key` in one number, time or set: where no such object may be. */
function elsewhere(key: string, other: string, variant: number): string {
  const place = parseKey(key);
  if (place === undefined) return other;
  const parts = Object.entries<unknown>({ ...place }).filter(([part]) => part !== 'kind');
  const [part = '', value] = parts[variant % parts.length] ?? [];
  const changed = () => {
    if (part === 'timestamp') return setOf(other);
    if (part === 'instant') return `2026050${(variant % 8) + 1}000000000`;
    return typeof value === 'number' ? value + (variant % 2) * 2 - 1 : value;
  };
  const to = formatKey({ ...place, [part]: changed() } as Key);
  return parseKey(to) === undefined ? key : to;
}
