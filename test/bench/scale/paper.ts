import type { ItemBytes } from './bytes.ts';
import { markdown } from './report.ts';

/** A cluster on paper; `rowBytes` are COPY text, of all segments. */
interface Cluster {
  readonly name: string;
  readonly segments: number;
  readonly relations: number;
  readonly rowBytes: number;
}

const CLUSTERS: readonly Cluster[] = [
  { name: '4 × 1,000 × 1 TB', segments: 4, relations: 1000, rowBytes: 1e12 },
  { name: '100 × 10,000 × 100 TB', segments: 100, relations: 10_000, rowBytes: 100e12 },
  { name: '1,000 × 10,000 × 1 PB', segments: 1000, relations: 10_000, rowBytes: 1e15 },
];

const MIB = 1024 ** 2;
/** Settings, and what was measured elsewhere (docs/benchmarks.md): lineitem is compressed 3.3 : 1. */
const SETTINGS = { frameBytes: 4 * MIB, packBytes: 1024 * MIB, partBytes: 5 * MIB, workers: 4 };
type Settings = typeof SETTINGS;
const COMPRESSION = 3.3;
/** Frames are cut by content: from half to one and a half of `frameBytes`. */
const FRAME_MEAN = 0.93;
const METADATA_FILES = 3;
const SLICE_BYTES = 8e9;
const RANGE_BYTES = 64 * MIB;
const PAGE = 1000;
const PHASES = 5;

/** S3 Standard in us-east-1, list price in USD for one request, and Lambda on arm64 for a second of a gigabyte. */
const PRICES = { put: 0.005 / 1000, get: 0.0004 / 1000, gbSecond: 0.0000133334 };
/** A function of 1,769 MB has one core, which reads and decompresses 80 MB/s (functions/tasks/cut-slices.ts). */
const VERIFY_BYTES_PER_USD = 80e6 / (1.769 * PRICES.gbSecond);

/** Requests by what they cost: PUT, POST, COPY and LIST on the one hand, GET and HEAD on the other. */
interface Requests {
  readonly put: number;
  readonly part: number;
  readonly get: number;
  readonly head: number;
  readonly list: number;
}

const requests = (some: Partial<Requests>): Requests => ({
  put: 0,
  part: 0,
  get: 0,
  head: 0,
  list: 0,
  ...some,
});
const priceOf = ({ put, part, get, head, list }: Requests) =>
  (put + part + list) * PRICES.put + (get + head) * PRICES.get;
const pages = (objects: number) => Math.max(1, Math.ceil(objects / PAGE));

/** How many of everything a full backup of such a cluster has. */
function countsOf(
  { segments, relations, rowBytes }: Cluster,
  { frameBytes, packBytes, workers }: Settings = SETTINGS,
) {
  const ofContent = rowBytes / segments;
  const stored = ofContent / COMPRESSION;
  // The last frame of each relation is as long as it happens to be.
  const extents = Math.round(ofContent / (FRAME_MEAN * frameBytes) + relations);
  const packs = Math.ceil(stored / packBytes) + workers;
  const receipts = packs + METADATA_FILES;
  const slices = Math.ceil((stored * segments) / SLICE_BYTES);
  const all = {
    extents: extents * segments,
    packs: packs * segments,
    receipts: receipts * segments,
  };
  const objects = all.packs + all.receipts + METADATA_FILES * segments + 2 * segments + 4;
  return {
    stored: stored * segments,
    ofContent: { rowBytes: ofContent, stored, extents, packs, receipts },
    ...all,
    slices,
    objects,
  };
}

function bytesOf(cluster: Cluster, items: ItemBytes, settings: Settings = SETTINGS) {
  const { ofContent } = countsOf(cluster, settings);
  const sum = (document: keyof ItemBytes, contents = 0) => {
    const { perExtent, perRelation, perContent } = items[document];
    const extents = document === 'manifest' ? 0 : ofContent.extents;
    return Math.round(
      perExtent * extents + perRelation * cluster.relations + perContent * contents,
    );
  };
  return {
    plan: sum('plan', cluster.segments),
    seal: sum('seal', cluster.segments),
    manifest: sum('manifest', cluster.segments),
    receiptsOfContent: sum('receipts'),
    sealPart: sum('sealPart'),
    manifestPart: sum('manifestPart'),
    verifyOrder: sum('verifyOrder'),
    dataOrder: sum('dataOrder'),
    resizeOrder: sum('dataOrder') * cluster.segments,
    dataReceipt: sum('dataReceipt'),
  };
}

const REQUESTED_WORKS = ['backup', 'stitch', 'validate', 'verify', 'replicate', 'restore'] as const;
type RequestedWork = (typeof REQUESTED_WORKS)[number];

/** Requests of each thing that is done with a set, as the code sends them when nothing fails. */
function requestsOf(
  cluster: Cluster,
  settings: Settings = SETTINGS,
): Record<RequestedWork, Requests> {
  const { segments, relations } = cluster;
  const { packs, receipts, slices, ofContent } = countsOf(cluster, settings);
  const packBytes = ofContent.stored / ofContent.packs;
  const folders = segments * (pages(ofContent.packs) + 1);
  const fold = { get: 3 + segments + receipts };
  const check = { get: fold.get + segments, list: folders };
  const objects = packs + METADATA_FILES * segments;
  const orders = PHASES * segments;
  return {
    backup: requests({
      // Create and Complete of each pack; receipts, metadata, parts of the seal, plan and seal.
      put: 2 * packs + receipts + METADATA_FILES * segments + segments + 2,
      part: packs * Math.ceil(packBytes / settings.partBytes),
    }),
    // One look at the seal for every receipt, at most.
    stitch: requests({ ...fold, head: receipts + 2, put: segments + 1 }),
    validate: requests({ ...check, put: 1 }),
    verify: requests({
      put: 2 * slices + 4,
      // Order, manifest, part, and the plan again for the receipt; the packs themselves.
      get: 4 * slices + objects + segments + slices + check.get,
      head: 4 * slices,
      list: pages(slices) * 2 + check.list,
    }),
    replicate: requests({
      // Packs have a frame more than what is copied by one request: two parts.
      put: 2 * packs + 2 * METADATA_FILES * segments + receipts + segments + 2 * slices + 4,
      part: 2 * packs,
      get: 4 * slices + segments + slices + fold.get + check.get,
      head: 3 * (objects + receipts + segments) + packs + 4 * slices,
      list: segments + pages(slices) * 2 + check.list,
    }),
    restore: requests({
      put: 2 * orders + 2,
      // The check before; each phase's orders from the parts; orders; packs once to verify and in ranges to load.
      get:
        check.get +
        orders +
        orders +
        packs +
        restoreReads(ofContent.stored, relations) * segments +
        4 * orders,
      head: 2 * orders,
      list: check.list + orders * (PHASES + 1) * pages(segments),
    }),
  };
}

const restoreReads = (stored: number, relations: number) =>
  Math.ceil(stored / RANGE_BYTES) + relations;

/** CPU microseconds that functions take for an extent, as simulated. */
type Micros = Readonly<Record<string, number>>;

/** The clusters on paper: how much there is of everything, documents in bytes, requests with their price, time of functions. */
export function paperOf(items: ItemBytes, micros: Micros): string {
  const head = ['', ...CLUSTERS.map(({ name }) => name)];
  const row = (name: string, of: (cluster: Cluster) => string) => [name, ...CLUSTERS.map(of)];
  const counted = (name: string, of: (counts: ReturnType<typeof countsOf>) => string) =>
    row(name, (cluster) => of(countsOf(cluster)));
  const document = (name: string, which: keyof ReturnType<typeof bytesOf>) =>
    row(name, (cluster) => size(bytesOf(cluster, items)[which]));
  return [
    markdown(head, [
      counted('rows of a segment', ({ ofContent }) => size(ofContent.rowBytes)),
      counted('stored, of all', ({ stored }) => size(stored)),
      counted('extents of a segment', ({ ofContent }) => short(ofContent.extents)),
      counted('extents', ({ extents }) => short(extents)),
      counted('packs', ({ packs }) => short(packs)),
      counted('receipts', ({ receipts }) => short(receipts)),
      counted('all objects of the set', ({ objects }) => short(objects)),
      counted('pages to list them', ({ objects }) => short(pages(objects))),
      counted('slices of a verification', ({ slices }) => short(slices)),
    ]),
    markdown(head, [
      document('`plan.json`', 'plan'),
      document('`seal.json`', 'seal'),
      document('`manifest.json`', 'manifest'),
      document('`seals/C.json`', 'sealPart'),
      document('receipts of a segment', 'receiptsOfContent'),
      document('`manifest/C.json`', 'manifestPart'),
      document('order to verify', 'verifyOrder'),
      document('order to load', 'dataOrder'),
      document('receipt of a load', 'dataReceipt'),
      document('the one order of a resize', 'resizeOrder'),
    ]),
    markdown(head, requestRows(row)),
    markdown(
      head,
      Object.entries(micros).map(([work, each]) =>
        counted(`${work}, CPU`, ({ extents }) => duration((extents * each) / 1e6)),
      ),
    ),
  ].join('\n\n');
}

function requestRows(
  row: (name: string, of: (cluster: Cluster) => string) => string[],
): string[][] {
  const priced = (cluster: Cluster, work: RequestedWork, settings = SETTINGS) =>
    usd(priceOf(requestsOf(cluster, settings)[work]));
  const told = (work: RequestedWork) => (cluster: Cluster) => {
    const { put, part, get, head, list } = requestsOf(cluster)[work];
    return `${[put, part, get, head, list].map(short).join(' / ')}: ${priced(cluster, work)}`;
  };
  return [
    ...REQUESTED_WORKS.map((work) => row(work, told(work))),
    row('backup in parts of 16 MiB', (cluster) =>
      priced(cluster, 'backup', { ...SETTINGS, partBytes: 16 * MIB }),
    ),
    row('processors of a verification', (cluster) =>
      usd(countsOf(cluster).stored / VERIFY_BYTES_PER_USD),
    ),
    row('gpbackup: a PUT and a HEAD for each table and segment', ({ segments, relations }) =>
      usd(priceOf(requests({ put: segments * relations, head: segments * relations }))),
    ),
  ];
}

function duration(seconds: number): string {
  return seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`;
}

function usd(price: number): string {
  return `$${price < 1 ? price.toFixed(2) : price.toFixed(price < 10 ? 1 : 0)}`;
}

function short(count: number): string {
  if (count < 10_000) return `${Math.round(count)}`;
  const [divisor, unit] = count < 1e6 ? [1e3, 'k'] : [1e6, 'M'];
  const value = count / divisor;
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)}${unit}`;
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** step;
  return `${value < 10 && step > 0 ? value.toFixed(1) : value.toFixed(0)} ${units[step] ?? ''}`;
}
