/**
 * `npm run bench:scale`: measures the CPU and memory that functions need for sets of up to a
 * million extents, and how they grow. Each function runs in a process with the heap of its Lambda.
 * Prints tables; `--json FILE` sets the file of the raw rows (default docs/scale.json).
 *
 * `--only NAME` runs one series. `--contents --relations --extents --greenplum` run one set of that
 * size (10 million extents: `--contents 1000 --relations 10000`), without a file of raw rows. Also
 * `--factors 1,2,4,10`, `--heap-megabytes 320`, `--works list,stitch`.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { measureItems } from './bytes.ts';
import { estimateOf } from './estimate.ts';
import { growthOf, microsPerExtent, type Row, tableOf } from './report.ts';
import { extentsOf, SERIES, type Series, TYPICAL } from './series.ts';
import { type SetSize, writeSet } from './set.ts';
import { FUNCTION_MEGABYTES, type Measured, WORKS, type Work } from './work.ts';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
/** The share of V8's old space: the young generation, buffers and the process need the rest. */
const HEAP_OF_MEMORY = 0.7;
const CHILD_MS_MAX = 20 * 60_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    contents: { type: 'string' },
    relations: { type: 'string', default: '1000' },
    extents: { type: 'string', default: '1' },
    greenplum: { type: 'boolean', default: false },
    factors: { type: 'string', default: '1,2,4,10' },
    works: { type: 'string' },
    'heap-megabytes': { type: 'string' },
    json: { type: 'string' },
  },
});

const startedAt = new Date();
const chosen = chosenSeries();
const rows: Row[] = [];
for (const { series, factor } of chosen) {
  for (const row of await measureSet(series, series.sizeAt(factor))) rows.push(row);
}
const [cpu] = cpus();
const machine = `${cpus().length} × ${cpu?.model ?? '?'}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1) ?? '?'} at the end`;
const items = await measureItems();
const estimate = estimateOf(items, costs());
const report = [
  `${startedAt.toISOString()}; ${machine}`,
  estimate,
  tableOf(rows),
  growthOf(rows),
].join('\n\n');
process.stdout.write(`${report}\n`);
const file = values.json ?? (values.contents === undefined ? 'docs/scale.json' : undefined);
if (file !== undefined) await writeFile(file, `${jsonOf({ startedAt, machine, items, rows })}\n`);
if (rows.some(({ measured }) => 'failed' in measured)) process.exitCode = 1;

/** CPU microseconds per extent in a set with many extents per relation, as in a large cluster. */
function costs(): Record<string, number> {
  const works: readonly Work[] = ['stitch', 'validate', 'plan-task', 'plan-restore', 'load orders'];
  return Object.fromEntries(
    works.flatMap((work) => {
      const micros = microsPerExtent(
        rows,
        values.contents === undefined ? TYPICAL : 'one set',
        work,
      );
      return micros === undefined ? [] : [[work, micros]];
    }),
  );
}

/** Rounds measured numbers to six digits. */
function jsonOf(report: unknown): string {
  return JSON.stringify(report, (_, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value,
  ).replaceAll('{"series"', '\n{"series"');
}

function chosenSeries(): { series: Series; factor: number }[] {
  const works = values.works?.split(',') as Work[] | undefined;
  const withWorks = (series: Series) => (works === undefined ? series : { ...series, works });
  if (values.contents !== undefined) {
    const size: SetSize = {
      flavour: values.greenplum ? 'greenplum' : 'shards',
      contents: Number(values.contents),
      relations: Number(values.relations),
      extents: Number(values.extents),
    };
    return [
      { series: withWorks({ name: 'one set', works: WORKS, sizeAt: () => size }), factor: 1 },
    ];
  }
  const factors = values.factors.split(',').map(Number);
  return SERIES.filter(({ name }) => values.only === undefined || name === values.only).flatMap(
    (series) => factors.map((factor) => ({ series: withWorks(series), factor })),
  );
}

async function measureSet({ name, works }: Series, size: SetSize): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-scale-'));
  try {
    const { contents, relations, extents } = size;
    process.stderr.write(
      `${name}: ${contents} × ${relations} × ${extents} = ${extentsOf(size)} extents\n`,
    );
    const set = await writeSet(folder, size);
    const measured: Row[] = [];
    for (const work of works) {
      const row = { series: name, size, set, work, measured: await measure(folder, work, size) };
      process.stderr.write(`  ${work}: ${JSON.stringify(row.measured)}\n`);
      measured.push(row);
      // The next work needs the documents of this one.
      if ('failed' in row.measured) break;
    }
    return measured;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, work: Work, size: SetSize): Promise<Measured> {
  const heap = Number(
    values['heap-megabytes'] ?? Math.floor(FUNCTION_MEGABYTES[work] * HEAP_OF_MEMORY),
  );
  const flags = [`--max-old-space-size=${heap}`, '--max-semi-space-size=16'];
  const child = [CHILD, pathToFileURL(folder).href, work, JSON.stringify(size)];
  try {
    const { stdout } = await run(process.execPath, [...flags, ...child], { timeout: CHILD_MS_MAX });
    return JSON.parse(stdout) as Measured;
  } catch (error) {
    return { failed: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  if (stderr.includes('heap out of memory')) return 'out of memory';
  return /^\w*Error.*$/m.exec(stderr)?.[0] ?? message.slice(0, 200);
}
