import { encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import {
  Outcome,
  RestorePlan,
  RestoreReceipt,
  RestoreRequest,
} from '../../../backup-set/documents/restore/restore.ts';
import {
  type GeneratedSet,
  put,
  putSparse,
  writeComplete,
  writePlan,
  writeVerdict,
} from './sets.ts';

/** Names that are harmful where they become HTML, a shell word, or a direction of text. */
export const HOSTILE = [
  '<img src=x onerror="window.hurt=1">',
  "it's; rm -rf $(HOME)",
  '"><script>window.hurt=2</script>',
  'a.b*"c',
  'x\u202etxt.exe',
  'new\nline\tand \u001b[31mred',
] as const;

const SCHEMAS = ['sales', 'public', 'stock', 'audit'];
const WORDS = ['orders', 'customers', 'items', 'payments', 'events', 'prices', 'returns', 'visits'];

export const tableNames = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    schema: SCHEMAS[at % SCHEMAS.length] ?? 'public',
    name: `${WORDS[at % WORDS.length] ?? 'table'}${at < WORDS.length ? '' : `_${at}`}`,
  }));

const DAY_MS = 24 * 3600_000;
const HOUR_MS = 3600_000;

export interface SmallRoot {
  readonly newest: string;
  readonly damaged: string;
  readonly running: string;
  readonly failedRestore: string;
  readonly runningRestore: string;
}

/**
 * A root as after four weeks of nightly backups, at the present time: a damaged set, an incomplete
 * one, one that is overdue, one that runs, and restores.
 */
export async function writeSmallRoot(folder: string, now: Date, nights = 28): Promise<SmallRoot> {
  const tables = [...tableNames(120), ...HOSTILE.map((name) => ({ schema: 'public', name }))];
  const at = (day: number, hour = 1) => new Date(now.getTime() - day * DAY_MS - hour * HOUR_MS);
  const set = (date: Date, more: Partial<GeneratedSet> = {}): GeneratedSet => ({
    timestamp: timestampOf(date),
    contents: 24,
    tables,
    growth: 1.4 - (now.getTime() - date.getTime()) / (70 * DAY_MS),
    ...more,
  });
  let base: string | undefined;
  const written: string[] = [];
  for (let day = nights; day >= 0; day -= 1) {
    const isFull = (nights - day) % 13 === 0;
    const withoutParts = day > 0;
    const one = set(at(day, 3), {
      ...(!isFull && base !== undefined && { base }),
      ...{ withoutParts, minutes: isFull ? 96 : 21 + (day % 7) },
      ...(isFull && { tags: ['weekly'] }),
    });
    await writeComplete(folder, one);
    await writeVerdict(
      folder,
      one.timestamp,
      day % 7 === 0 ? 'verify' : 'validate',
      instantOf(at(day, 2)),
    );
    if (isFull) base = one.timestamp;
    written.push(one.timestamp);
  }
  const damaged = written.at(-10) ?? '';
  await writeVerdict(folder, damaged, 'verify', instantOf(at(0, 2)), [
    {
      code: 'digest-differs',
      message: 'the bytes differ from the checksum of the receipt',
      content: 3,
      object: `sets/${damaged.slice(0, 8)}/${damaged}/data/3/1-1-000001.pack`,
    },
  ]);
  await writeUnfinished(folder, set, at);
  const running = set(new Date(now.getTime() - 14 * 60_000), { ...(base && { base }) });
  await writeRunning(folder, running, now);
  const newest = written.at(-1) ?? '';
  const failedRestore = await writeRestore(folder, newest, at(2), 'failed', HOSTILE[0]);
  await writeRestore(folder, newest, at(5), 'restored', 'orders_copy');
  const soon = new Date(now.getTime() - 6 * 60_000);
  const runningRestore = await writeRestore(folder, newest, soon, undefined, 'orders_check');
  return { newest, damaged, running: running.timestamp, failedRestore, runningRestore };
}

async function writeUnfinished(
  folder: string,
  set: (date: Date) => GeneratedSet,
  at: (day: number, hour: number) => Date,
): Promise<void> {
  const incomplete = set(at(4, 9));
  await writePlan(folder, incomplete);
  await writeVerdict(
    folder,
    incomplete.timestamp,
    'stitch',
    instantOf(at(4, 8)),
    [{ code: 'segment-failed', content: 7, message: 'the shipper of content 7 was killed' }],
    'incomplete',
  );
}

/** A backup in which every segment has got as far as its number says. */
async function writeRunning(folder: string, set: GeneratedSet, now: Date): Promise<void> {
  await writePlan(folder, set);
  for (let content = 0; content < set.contents - 2; content += 1) {
    const shipment = {
      ...{ timestamp: set.timestamp, content, attempt: 1, worker: 1, sequence: 1 },
    };
    const key = formatKey({ kind: 'pack', ...shipment });
    const length = 20_000_000 + content * 19_000_000;
    await putSparse(folder, key, length);
    const receipt: Receipt = {
      ...{ format: 'stowage/receipt', version: 1, ...shipment, kind: 'pack' },
      object: { key, bytes: length, crc32: '0a1b2c3d' },
      startedAt: now.toISOString(),
      finishedAt: now.toISOString(),
      extents: [
        ...Array.from({ length: 1 + content * 4 }, (_, relation) => ({
          ...{ relation, offset: 0, length, rows: 4000, bytes: 90_000, crc32: '0a1b2c3d' },
        })),
      ],
    };
    await put(folder, formatKey({ kind: 'receipt', ...shipment }), encode(Receipt, receipt));
  }
}

const PHASES = ['verify', 'pre-data', 'data', 'post-data', 'analyze'] as const;
const CONTENTS = 8;

/** A restore; without a status it runs, and half of the contents have loaded their rows. */
async function writeRestore(
  folder: string,
  timestamp: string,
  date: Date,
  status: 'failed' | 'restored' | undefined,
  database: string,
): Promise<string> {
  const id = `${instantOf(date)}-0123abcd`;
  const contents = Array.from({ length: CONTENTS }, (_, content) => content);
  const volume = { relations: 10, rows: 50_000, bytes: 4_000_000, storedBytes: 900_000 };
  const request: RestoreRequest = {
    ...{ format: 'stowage/restore-request', version: 1, id, timestamp, mode: 'create' },
    requestedAt: date.toISOString(),
    target: {
      ...{ flavour: 'shards', database },
      contents: contents.map((content) => ({ content, host: 'target', port: 5432 })),
    },
    selection: EVERYTHING,
    ...{ verify: true, globals: false, noOwner: false, resize: false, agents: false, count: true },
  };
  const plan: RestorePlan = {
    ...{ format: 'stowage/restore-plan', version: 1, id, timestamp, load: 'per-segment' },
    ...{ manifestSha256: '0'.repeat(64), phases: [...PHASES], count: true },
    contents: contents.map((content) => ({ content, ...volume })),
    totals: { contents: CONTENTS, ...volume },
  };
  const key = (kind: 'restore-request' | 'restore-plan' | 'outcome') =>
    formatKey({ kind, restore: id });
  await put(folder, key('restore-request'), encode(RestoreRequest, request));
  await put(folder, key('restore-plan'), encode(RestorePlan, plan));
  const done = status === undefined ? 3 : PHASES.length;
  for (const [at, phase] of PHASES.slice(0, done).entries())
    for (const content of contents) {
      const place = { restore: id, phase, content };
      await put(folder, formatKey({ kind: 'order', ...place }), Buffer.from('{}\n'));
      if (at === done - 1 && status === undefined && content % 2 === 0) continue;
      const receipt: RestoreReceipt = {
        ...{ format: 'stowage/restore-receipt', version: 1, id, phase, content, status: 'done' },
        ...{ startedAt: date.toISOString(), finishedAt: date.toISOString(), storedBytes: 1 },
        relations: phase === 'data' ? [{ schema: 'public', name: 'orders', rows: 50_000 }] : [],
        ...{ problems: [], problemsTotal: 0 },
      };
      await put(
        folder,
        formatKey({ kind: 'restore-receipt', ...place }),
        encode(RestoreReceipt, receipt),
      );
    }
  if (status === undefined) return id;
  const problems: Outcome['problems'] =
    status === 'failed'
      ? [
          {
            code: 'order-failed',
            content: 2,
            message: `the server closed the connection while ${HOSTILE[0]} was loaded`,
          },
        ]
      : [];
  const outcome: Outcome = {
    ...{ format: 'stowage/outcome', version: 1, id, timestamp, status, counted: true },
    totals: { contents: CONTENTS, relations: 10, rows: 400_000 },
    ...{ problems, problemsTotal: problems.length },
  };
  await put(folder, key('outcome'), encode(Outcome, outcome));
  return id;
}
