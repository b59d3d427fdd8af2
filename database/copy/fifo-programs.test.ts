import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  collectProgram,
  doneName,
  fedName,
  feedProgram,
  fifoFolder,
  fifoName,
  PID_FILE,
  parseFifoName,
  SEGMENT,
} from './fifo-programs.ts';

const directions = ['in', 'out'] as const;
const programs = { in: feedProgram, out: collectProgram };

describe('the file names that programs and shippers share', () => {
  it('can be parsed back into relation and direction', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...directions), (relation, direction) => {
        expect(parseFifoName(fifoName(relation, direction))).toEqual({ relation, direction });
      }),
    );
  });

  it.each([
    '',
    '.in',
    '1.inn',
    'x1.in',
    '1.in\n',
    ' 1.in',
    '1.up',
    '-1.in',
    '1.5.in',
    `${PID_FILE}.new`,
  ])('are not parsed from %j', (name) => {
    expect(parseFifoName(name)).toBeUndefined();
  });

  it('do not confuse the files beside a FIFO with a FIFO', () => {
    for (const direction of directions)
      for (const beside of [fedName, doneName])
        expect(parseFifoName(beside(fifoName(7, direction)))).toBeUndefined();
  });

  it('differ for runs, contents and the coordinator', () => {
    const folders = [fifoFolder('/b', 'r', 0), fifoFolder('/b', 'r', -1), fifoFolder('/b', 's', 0)];
    expect(new Set(folders).size).toBe(3);
  });

  it('contain <SEGID> once, which the server replaces by the content id', () => {
    expect(fifoFolder('/b', 'r', SEGMENT)).toBe('/b/stowage-fifo-r-<SEGID>');
    expect(fifoFolder('/b', 'r', SEGMENT).replace('<SEGID>', '3')).toBe(fifoFolder('/b', 'r', 3));
    for (const program of Object.values(programs))
      expect(program(fifoFolder('/b', 'r', SEGMENT), 1).split('<SEGID>')).toHaveLength(2);
  });
});

describe.each(directions)('the program for %s', (direction) => {
  it('quotes the name of its folder as one word', () => {
    const program = programs[direction]("/tmp/it's $(here) `now`", 4);
    expect(program.startsWith("d='/tmp/it'\\''s $(here) `now`'; ")).toBe(true);
    expect(program.split('$(here)')).toHaveLength(2);
  });

  it('waits for the shipper as long as requested', () => {
    expect(programs[direction]('/d', 1)).toContain('-gt 600 ]');
    expect(programs[direction]('/d', 1, 250)).toContain('-gt 3 ]');
  });

  it('is one line without backslashes, so that every server reads it as a literal', () => {
    expect(programs[direction]('/d', 1)).not.toMatch(/[\n\\]/);
  });
});
