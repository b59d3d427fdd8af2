import { describe, expect, it } from 'vitest';
import { blockArena } from '../../database/copy-wire/block-arena.ts';
import { blockMemoryProblem, blocksFor } from './block-memory.ts';

const MIB = 1024 * 1024;

describe('the memory for blocks of rows', () => {
  it('suffices in the arena for the largest number of workers that is accepted', () => {
    const workers = 37;
    expect(blockMemoryProblem(workers, 64 * MIB)).toBeUndefined();
    const options = { connections: workers, blocks: blocksFor(workers), frameBytes: 64 * MIB };
    expect(() => blockArena(options)).not.toThrow();
  });

  it('does not suffice for one worker more, and the message names the largest number', () => {
    expect(blockMemoryProblem(38, 64 * MIB)).toBe(
      'frames of 67108864 bytes allow at most 37 workers in a shipper, not 38: lower frameBytes or workers',
    );
  });

  it('suffices for 64 workers with frames of 32 MiB', () => {
    expect(blockMemoryProblem(64, 32 * MIB)).toBeUndefined();
  });
});
