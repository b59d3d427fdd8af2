/**
 * `node test/bench/stitch.ts`: stitch and validate of a set with many segments and tables, each in a process with the heap of
 * a function with 512 MB. Arguments: --contents 1000 --relations 10000 --heap-megabytes 320 --json. Leaves nothing behind.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { writeSet } from './stitch-set.ts';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('stitch-child.ts', import.meta.url));
const [WALL_SECONDS_MAX, RSS_MIB_MAX] = [60, 512];

interface Measured {
  readonly status: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMib: number;
}

const { values } = parseArgs({
  options: {
    contents: { type: 'string', default: '1000' },
    relations: { type: 'string', default: '10000' },
    'heap-megabytes': { type: 'string', default: '320' },
    json: { type: 'boolean', default: false },
  },
});
const size = { contents: Number(values.contents), relations: Number(values.relations) };
const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-stitch-'));
try {
  process.stderr.write(`writing the documents of ${size.contents} × ${size.relations} relations\n`);
  const documentBytes = await writeSet(folder, size);
  const stitched = await measure('stitch');
  const validated = await measure('validate');
  const about = {
    ...size,
    objects: size.contents * 4,
    documentBytes,
    heapMegabytes: Number(values['heap-megabytes']),
  };
  const lines = [lineOf('stitch', stitched), lineOf('validate', validated)];
  const report = values.json
    ? JSON.stringify({ ...about, stitch: stitched, validate: validated })
    : [
        `${size.contents} contents × ${size.relations} relations, ${(documentBytes / 1e6).toFixed(0)} MB of documents; ${cpus().length} cores (${cpus()[0]?.model ?? '?'}), Node ${process.version}`,
        ...lines,
      ].join('\n');
  process.stdout.write(`${report}\n`);
  const { wallSeconds, peakRssMib } = stitched;
  if (wallSeconds > WALL_SECONDS_MAX || peakRssMib > RSS_MIB_MAX) {
    process.stderr.write(`TOO MUCH: a stitch has ${WALL_SECONDS_MAX} s and ${RSS_MIB_MAX} MiB\n`);
    process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(work: 'stitch' | 'validate'): Promise<Measured> {
  const flags = [`--max-old-space-size=${values['heap-megabytes']}`, '--max-semi-space-size=16'];
  const { stdout } = await run(process.execPath, [...flags, CHILD, pathToFileURL(folder).href, work]);
  const measured = JSON.parse(stdout) as Measured;
  if (measured.status !== 'complete') throw new Error(`${work} says ${measured.status}`);
  return measured;
}

function lineOf(work: string, { wallSeconds, cpuSeconds, peakRssMib }: Measured): string {
  return `${work}: ${wallSeconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU), peak ${peakRssMib.toFixed(0)} MiB`;
}
