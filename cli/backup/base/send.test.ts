import { describe, expect, test } from 'vitest';
import { digestOf, encode } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { TIMESTAMP } from '../../../backup-set/testing/builders.ts';
import { emptyPart, OLD } from '../../../backup-set/testing/carried-set.ts';
import { extent, place, plan, tables } from '../../../backup-set/testing/small-set.ts';
import { offerBase } from './send.ts';

const part = encode(ManifestPart, {
  ...emptyPart,
  packs: [
    {
      ...{ key: 'k', bytes: 5, crc32: '00000000' },
      extents: [extent(0, 0, { bytes: 4096, digest: 'A'.repeat(32) })],
    },
  ],
});
const based = {
  ...plan,
  base: { timestamp: OLD, manifestSha256: '0'.repeat(64) },
  relations: tables.map((relation) => ({ ...relation, baseRelation: relation.id })),
  contents: [{ ...place, base: digestOf(part) }],
};

/** Offers the base to one shipper; `stored` is what the store has as the base's part. */
async function offer(
  stored: Uint8Array | undefined,
  mayCreate = true,
  unread: number[] = [],
  carries = true,
) {
  const [created, lines, notes] = [[] as string[], [] as unknown[], [] as string[]];
  const store = {
    async read(key: string) {
      expect(key).toBe(formatKey({ kind: 'manifest-part', timestamp: OLD, content: 0 }));
      if (stored === undefined) throw new StowageError('storage/not-found', `${key} is missing`);
      return stored;
    },
    async create(key: string) {
      if (!mayCreate) throw new StowageError('storage/denied', 'no right to create it');
      created.push(key);
    },
  };
  const config = { backup: { packUseMin: 0.5 } };
  const context = { config, output: { note: (event: string) => void notes.push(event) } };
  const shipper = {
    content: 0,
    carries: Promise.resolve(carries),
    deliver: async (line: unknown) => void lines.push(line),
  };
  const work = tables.filter(({ id }) => !unread.includes(id)).map((relation) => ({ relation }));
  const draft = {
    work: new Map([[0, work]]),
    decided: new Map([[0, { unread, ranged: [] }]]),
  };
  await offerBase(
    { plan: based, store, context, draft } as never,
    [shipper] as never,
    new AbortController().signal,
  );
  return { created, lines, notes };
}

const END = { type: 'base-end' };

describe('a shipper', () => {
  test('gets the frames of the base after the copy of its part lies in the set', async () => {
    const { created, lines, notes } = await offer(part);
    expect(created).toEqual([formatKey({ kind: 'base-part', timestamp: TIMESTAMP, content: 0 })]);
    expect(lines).toEqual([{ type: 'base', relation: 0, from: [0], digests: 'A'.repeat(32) }, END]);
    expect(notes).toEqual([]);
  });

  test('gets no frames of tables that it does not read', async () => {
    expect((await offer(part, true, [0])).lines).toEqual([END]);
  });

  test('is not left without the base when some tables are not read', async () => {
    await expect(offer(undefined, true, [0])).rejects.toMatchObject({ code: 'storage/not-found' });
  });

  test.each<[string, Uint8Array | undefined, boolean]>([
    ['is missing', undefined, true],
    ['is not the one that the plan pins', Buffer.from('{}\n'), true],
    ['cannot be copied into the set', part, false],
  ])('gets no frames, and a note says why, when the part of the base %s', async (_, ...given) => {
    const { lines, notes } = await offer(...given);
    expect(lines).toEqual([END]);
    expect(notes).toEqual(['base-unused']);
  });

  test('of an earlier program gets no lines at all, and a note says so', async () => {
    const { created, lines, notes } = await offer(part, true, [], false);
    expect([created.length, lines, notes]).toEqual([1, [], ['base-unused']]);
  });
});
