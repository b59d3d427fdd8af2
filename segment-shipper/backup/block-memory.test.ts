import { describe, expect, it } from 'vitest';
import { blockArena } from '../../database/copy-wire/block-arena.ts';
import { blockMemoryProblem, blocksFor } from './block-memory.ts';

const MIB = 1024 * 1024;

describe('the room for rows in a shipper', () => {
  it('is what the arena then has, for the most workers that are let in', () => {
    const workers = 37;
    expect(blockMemoryProblem(workers, 64 * MIB)).toBeUndefined();
    const options = { connections: workers, blocks: blocksFor(workers), frameBytes: 64 * MIB };
    expect(() => blockArena(options)).not.toThrow();
  });

  it('is lacking with one more, and says how many there may be', () => {
    expect(blockMemoryProblem(38, 64 * MIB)).toBe(
      'with frames of 67108864 bytes a shipper has memory for 37 workers at most, not for 38',
    );
  });

  it('is there for every number of workers with frames of usual sizes', () => {
    expect(blockMemoryProblem(64, 32 * MIB)).toBeUndefined();
  });
});
