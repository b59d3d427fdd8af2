import { describe, expect, it } from 'vitest';
import { oneServer } from './through-one.ts';

const servers = (...contents: number[]) => contents.map((content) => ({ content }));

describe('the server that is asked', () => {
  it('is the coordinator, which has no rows of one content', () => {
    expect(oneServer(servers(-1, 0, 1), undefined)).toEqual({ content: -1 });
    expect(() => oneServer(servers(-1, 0, 1), 1)).toThrow(/leave --content out/);
  });

  it('is the only shard, or the chosen one', () => {
    expect(oneServer(servers(3), undefined)).toEqual({ content: 3 });
    expect(oneServer(servers(0, 1), 1)).toEqual({ content: 1 });
    expect(() => oneServer(servers(0, 1), undefined)).toThrow(/0, 1: choose one with --content/);
    expect(() => oneServer(servers(0, 1), 2)).toThrow(/no content 2: it has 0, 1/);
  });
});
