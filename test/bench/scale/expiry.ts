/**
 * `npm run bench:expiry`, with `-- --sets 365 --packs 1000 --relations 1000`: plans the expiry of a
 * root in a process of its own, and counts its requests. Every set has so many packs, and
 * needs as many of the ten sets before it. Most sets go, so that all lists of needs are read.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import pino from 'pino';
import { digestOf, encode } from '../../../backup-set/base/document.ts';
import { formatKey, type Key, shipmentName } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { Verdict } from '../../../backup-set/base/verdict.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Needs } from '../../../backup-set/documents/retention/needs.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import { measureExpiry } from '../../../functions/retention/measure.ts';
import { planExpiry } from '../../../functions/retention/plan.ts';
import { peakMemoryBytes } from '../../../segment-shipper/protocol/peak-memory.ts';
import { openStore } from '../../../storage/open.ts';

const HEAP_MEGABYTES = 350;
const AT = '2026-01-31T01:02:03.000Z';
const { values } = parseArgs({
  options: {
    sets: { type: 'string', default: '365' },
    packs: { type: 'string', default: '1000' },
    relations: { type: 'string', default: '1000' },
    root: { type: 'string' },
  },
});
const [sets, packs, relations] = [values.sets, values.packs, values.relations].map(Number);

if (values.root === undefined) await measureInChild();
else await measure(values.root);

async function measureInChild(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-expiry-'));
  try {
    await writeRoot(folder);
    const script = [fileURLToPath(import.meta.url), '--root', pathToFileURL(folder).href];
    const flags = [`--max-old-space-size=${HEAP_MEGABYTES}`, '--max-semi-space-size=16'];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...script]);
    process.stdout.write(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(root: string): Promise<void> {
  const requests: Record<string, number> = {};
  const opened = await openStore({ root });
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  // As S3 counts: a LIST gives 1,000 keys.
  async function* pages<Item>(items: AsyncIterable<Item>) {
    let keys = 0;
    for await (const item of items) {
      if (keys++ % 1000 === 0 && keys > 1) count('LIST');
      yield item;
    }
    count('LIST');
  }
  const store = {
    ...opened,
    read(...call: Parameters<typeof opened.read>) {
      count('GET');
      return opened.read(...call);
    },
    head(...call: Parameters<typeof opened.head>) {
      count('HEAD');
      return opened.head(...call);
    },
    list: (...call: Parameters<typeof opened.list>) => pages(opened.list(...call)),
    listPrefixes: (...call: Parameters<typeof opened.listPrefixes>) =>
      pages(opened.listPrefixes(...call)),
  };
  const deps = { store, clock: () => new Date(), log: pino({ level: 'error' }) };
  const rules = RetentionRules.parse({ keepDaily: 30, graceHours: 0 });
  const startedAt = performance.now();
  const plan = await planExpiry(deps, rules);
  const plannedSeconds = (performance.now() - startedAt) / 1000;
  const planned = { ...requests };
  const measured = await measureExpiry(deps, plan);
  const freed = measured.reduce((sum, { objects }) => sum + objects, 0);
  const kept = measured.reduce((sum, { packsKept }) => sum + packsKept, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  const peakRssMib = Math.round(peakMemoryBytes() / 1024 ** 2);
  const going = measured.length;
  const report = { going, freed, kept, plannedSeconds, seconds, peakRssMib, planned, requests };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  await opened.close();
}

async function writeRoot(folder: string): Promise<void> {
  const timestamps = Array.from({ length: sets ?? 0 }, (_, day) =>
    timestampOf(new Date(Date.now() - ((sets ?? 0) - day) * 86_400_000)),
  );
  const write = async (key: Key, bytes: Uint8Array) => {
    const file = join(folder, formatKey(key));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  };
  const names = Array.from({ length: packs ?? 0 }, (_, at) =>
    shipmentName({ attempt: 1, worker: 1, sequence: at + 1 }),
  );
  for (const [at, timestamp] of timestamps.entries()) {
    const older = timestamps.slice(Math.max(0, at - 10), at);
    const share = Math.ceil(names.length / 10);
    const needs = older.map((set, part) => ({
      set,
      content: 0,
      packs: names.slice(part * share, (part + 1) * share),
    }));
    const list = encode(Needs, { format: 'stowage/needs', version: 1, timestamp, packs: needs });
    if (older.length > 0) await write({ kind: 'needs', timestamp }, list);
    await write({ kind: 'manifest', timestamp }, manifestOf(timestamp, older, list));
    const instant = instantOf(new Date());
    await write({ kind: 'verdict', timestamp, instant, level: 'validate' }, verdictOf(timestamp));
    for (const [index] of names.entries()) {
      const shipment = { content: 0, attempt: 1, worker: 1, sequence: index + 1 };
      await write({ kind: 'pack', timestamp, ...shipment }, new Uint8Array(1));
    }
  }
}

function verdictOf(timestamp: string): Uint8Array {
  const checked = { objects: 0, bytes: 0 };
  const head = { format: 'stowage/verdict', version: 1, timestamp, at: AT } as const;
  const status = { level: 'validate', status: 'complete' } as const;
  return encode(Verdict, { ...head, ...status, checked, problems: [], problemsTotal: 0 });
}

function manifestOf(timestamp: string, needs: string[], list: Uint8Array): Uint8Array {
  const volume = { rows: 1, bytes: 1, storedBytes: 1 };
  return encode(Manifest, {
    format: 'stowage/manifest',
    version: 1,
    timestamp,
    ...{ startedAt: AT, sealedAt: AT, cluster: 'main', flavour: 'shards', database: 'shop' },
    ...{ root: 's3://bench/shop', tool: 'bench', selection: EVERYTHING, notShipped: [] },
    snapshot: { mechanism: 'barrier', takenAt: AT, writerWaitMs: 0, attempts: 1 },
    compression: { algorithm: 'zstd', level: 1 },
    proof: { planSha256: '0'.repeat(64), sealSha256: '0'.repeat(64) },
    needs,
    ...(needs.length > 0 && { needed: digestOf(list) }),
    totals: { contents: 1, relations: relations ?? 0, ...volume, objects: 1, extents: 1 },
    relations: Array.from({ length: relations ?? 0 }, (_, id) => ({
      ...{ id, schema: 'public', name: `table_of_the_benchmark_${id}`, kind: 'table' as const },
      columns: ['first', 'second', 'third', 'fourth', 'fifth'],
      totals: { contents: 1, ...volume, extents: 1 },
    })),
    contents: [],
  });
}
