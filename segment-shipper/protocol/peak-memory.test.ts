import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MIB = 1024 * 1024;
const MODULE = fileURLToPath(new URL('peak-memory.ts', import.meta.url));

test('the peak of a process counts its own memory, and not that of the process that started it', () => {
  const own = Buffer.alloc(250 * MIB, 1);
  const child = (mebibytes: number) => {
    const program = `import { peakMemoryBytes } from ${JSON.stringify(MODULE)};
      Buffer.alloc(${mebibytes * MIB}, 1);
      process.stdout.write(String(peakMemoryBytes()));`;
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program]));
  };
  expect(child(0)).toBeLessThan(150 * MIB);
  expect(child(100)).toBeGreaterThan(100 * MIB);
  expect(own).toHaveLength(250 * MIB);
});
