import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readExecutable } from './elf.ts';
import { NODE_VERSION } from './pinned.ts';

const node = await readFile(process.execPath);

test('the bundles have the Node of this checkout', () => {
  expect(process.versions.node).toBe(NODE_VERSION);
});

describe.skipIf(process.platform !== 'linux')('readExecutable', () => {
  test('reads the architecture of Node, its libraries, and the glibc that it needs', () => {
    const { architecture, needs, libraries } = readExecutable(node);
    expect(architecture).toBe(process.arch);
    expect(needs.get('GLIBC')).toBe('2.28');
    expect(libraries).toContain('libc.so.6');
  });

  test('refuses a truncated file, another architecture, and other bytes', () => {
    expect(() => readExecutable(node.subarray(0, node.length - 100))).toThrow(/truncated/);
    const sparc = Buffer.from(node.subarray(0, 64));
    sparc.writeUInt16LE(43, 18);
    expect(() => readExecutable(sparc)).toThrow('ELF machine 43 is not supported');
    for (const bytes of [Buffer.from('#!/bin/sh\n'), Buffer.alloc(0)])
      expect(() => readExecutable(bytes)).toThrow('not an ELF file');
  });
});
