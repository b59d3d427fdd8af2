import { open, readFile } from 'node:fs/promises';

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Which of some byte strings the memory of a process has now (Linux). Looks at writable memory that
 * is resident or mapped privately, piece by piece.
 */
export async function foundInMemory(
  pid: number,
  wanted: ReadonlyMap<string, Buffer>,
): Promise<Set<string>> {
  const found = new Set<string>();
  const longest = Math.max(...[...wanted.values()].map(({ length }) => length));
  const maps = (await readFile(`/proc/${pid}/smaps`, 'utf8')).split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  await using memory = await open(`/proc/${pid}/mem`, 'r');
  for (const map of maps) {
    const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(map) ?? [];
    if (from === '' || /^Rss: +0 kB$/m.test(map)) continue;
    const end = BigInt(`0x${to}`);
    const bytes = Buffer.alloc(CHUNK_BYTES);
    for (let at = BigInt(`0x${from}`); at < end; at += BigInt(CHUNK_BYTES - longest)) {
      const length = Number(end - at < BigInt(CHUNK_BYTES) ? end - at : BigInt(CHUNK_BYTES));
      const { bytesRead } = await memory.read(bytes, 0, length, at).catch(() => ({ bytesRead: 0 }));
      const piece = bytes.subarray(0, bytesRead);
      for (const [name, value] of wanted) if (piece.includes(value)) found.add(name);
      if (length < CHUNK_BYTES) break;
    }
  }
  return found;
}
