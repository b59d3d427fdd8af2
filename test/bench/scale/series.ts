import type { SetSize } from './set.ts';
import { WORKS, type Work } from './work.ts';

/** Sets that grow in one dimension. */
export interface Series {
  readonly name: string;
  readonly works: readonly Work[];
  readonly sizeAt: (factor: number) => SetSize;
}

const RESIZE_WORKS: readonly Work[] = ['stitch', 'plan-restore', 'load orders'];

/** The series that resembles large clusters. */
export const TYPICAL = 'extents of each relation';

/** Each series has 100,000 extents at factor 1, and a million at factor 10. */
export const SERIES: readonly Series[] = [
  {
    name: 'extents of one content',
    works: WORKS,
    sizeAt: (factor) => ({
      flavour: 'shards',
      contents: 1,
      relations: 100,
      extents: 1000 * factor,
    }),
  },
  {
    name: TYPICAL,
    works: WORKS,
    sizeAt: (factor) => ({
      flavour: 'shards',
      contents: 100,
      relations: 100,
      extents: 10 * factor,
    }),
  },
  {
    name: 'contents',
    works: WORKS,
    sizeAt: (factor) => ({
      flavour: 'shards',
      contents: 100 * factor,
      relations: 1000,
      extents: 1,
    }),
  },
  {
    name: 'relations',
    works: WORKS,
    sizeAt: (factor) => ({
      flavour: 'shards',
      contents: 100,
      relations: 1000 * factor,
      extents: 1,
    }),
  },
  {
    name: 'extents in one order of a resize',
    works: RESIZE_WORKS,
    sizeAt: (factor) => ({
      flavour: 'greenplum',
      contents: 20,
      relations: 100,
      extents: 50 * factor,
    }),
  },
];

export const extentsOf = ({ contents, relations, extents }: SetSize) =>
  contents * relations * extents;
