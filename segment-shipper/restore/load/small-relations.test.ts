import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadRelation, SourceExtent } from '../../../backup-set/documents/restore/restore.ts';
import { hex } from '../../../frame/hex.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { rowsOfFrames } from '../../read/rows-of.ts';
import { type FetchedRelation, fetchTogether, isSmall } from './small-relations.ts';

const signal = new AbortController().signal;
const TABLES = 500;
const PACKS = ['a.pack', 'b.pack'] as const;
let directory = '';
let store: ObjectStore;
let relations: LoadRelation[] = [];
let reads: { key: string; bytes: number }[] = [];

const textOf = (id: number, part: number) => `${id}\tpart ${part}\n`;

/** Each relation has a frame in both packs; the first pack has them in reverse order. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-small-'));
  const opened = await openStore({ root: `file://${directory}` });
  store = {
    ...opened,
    async *get(key, options) {
      reads.push({ key, bytes: options?.length ?? 0 });
      yield* opened.get(key, options);
    },
  };
  const extents = new Map<number, SourceExtent[]>();
  for (const [part, key] of PACKS.entries()) {
    const frames: Buffer[] = [];
    let offset = 0;
    for (let n = 0; n < TABLES; n += 1) {
      const id = part === 0 ? TABLES - 1 - n : n;
      const rows = Buffer.from(textOf(id, part));
      const frame = await zstd.encode(rows, 1);
      const extent = {
        key,
        offset,
        length: frame.length,
        rows: 1,
        bytes: rows.length,
        crc32: hex(crc32(frame)),
      };
      extents.set(id, [...(extents.get(id) ?? []), extent]);
      frames.push(frame);
      offset += frame.length;
    }
    await writeFile(join(directory, key), Buffer.concat(frames));
  }
  relations = [...extents].map(([id, list]) => ({
    id,
    schema: 's',
    name: `t${id}`,
    columns: ['i', 't'],
    rows: 2,
    bytes: list.reduce((sum, { bytes }) => sum + bytes, 0),
    extents: list,
  }));
});
afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function fetchAll(wanted: readonly LoadRelation[]): Promise<FetchedRelation[]> {
  reads = [];
  return Array.fromAsync(fetchTogether(wanted, store, signal));
}

describe('small relations', () => {
  it('are fetched whole, each once, by one request per pack', async () => {
    const fetched = await fetchAll(relations);
    expect(fetched.map(({ relation }) => relation.id).sort((a, b) => a - b)).toEqual(
      Array.from({ length: TABLES }, (_, n) => n),
    );
    for (const { relation, frames = [] } of fetched) {
      const rows = Buffer.concat(
        (await Array.fromAsync(rowsOfFrames(frames))).map((some) => Buffer.from(some)),
      );
      expect(rows.toString().split('\n').sort()).toEqual(
        ['', textOf(relation.id, 0), textOf(relation.id, 1)].map((text) => text.trimEnd()).sort(),
      );
    }
    expect(reads.map(({ key }) => key)).toEqual([...PACKS]);
  });

  it('are fetched without the bytes of other relations when they are a few among many', async () => {
    const wanted = relations.filter(({ id }) => id % 50 === 0);
    await fetchAll(wanted);
    const length = wanted
      .flatMap(({ extents }) => extents)
      .reduce((sum, extent) => sum + extent.length, 0);
    expect(reads.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(length * 1.05);
  });

  it('include relations without rows', async () => {
    const empty = { ...(relations[0] as LoadRelation), id: 1_000, rows: 0, bytes: 0, extents: [] };
    const fetched = await fetchAll([...relations.slice(0, 3), empty]);
    expect(fetched.find(({ relation }) => relation.id === 1_000)).toMatchObject({ frames: [] });
    expect(fetched).toHaveLength(4);
  });

  it('are returned without frames, to be read one by one, when their group cannot be read', async () => {
    const gone = relations.slice(0, 3).map((relation, n) => ({
      ...relation,
      id: 1_000 + n,
      extents: relation.extents.map((extent) => ({ ...extent, key: 'gone.pack' })),
    }));
    const fetched = await fetchAll([...gone, ...relations]);
    expect(fetched).toHaveLength(TABLES + 3);
    const unread = fetched.filter(({ frames }) => frames === undefined);
    expect(unread.map(({ relation }) => relation.id).sort()).toEqual([1_000, 1_001, 1_002]);
  });

  it('have few bytes of rows and few stored bytes', () => {
    const MiB = 1024 * 1024;
    const of = (bytes: number, length: number, count = 1) => ({
      ...(relations[0] as LoadRelation),
      extents: Array.from({ length: count }, () => ({
        key: 'a',
        offset: 0,
        rows: 1,
        crc32: '',
        bytes,
        length,
      })),
    });
    expect(isSmall(of(MiB, MiB, 8))).toBe(true);
    expect(isSmall(of(MiB, MiB, 9))).toBe(false);
    expect(isSmall(of(4 * MiB, 1, 5))).toBe(false);
    expect(isSmall(of(17 * MiB, 1))).toBe(false);
  });
});
