/**
 * Prints the table of docs/object-stores.md from docs/object-stores/*.json, which
 * `STOWAGE_STORES_RECORD=1 npm run test:stores` writes: `node infra/docs/stores.ts`.
 */
import { readdir, readFile } from 'node:fs/promises';

/** How a server answers of 20 writers that create one key at the same time. */
export type ConditionalCreate = 'one winner' | 'several winners' | 'condition ignored';

/** What was measured on one server. */
export interface StoreFacts {
  readonly name: string;
  readonly version: string;
  readonly conditionalCreate: ConditionalCreate;
  readonly conditionalCreateWithVersions: ConditionalCreate | 'no versions';
  /** CompleteMultipartUpload with If-None-Match over an object that exists. */
  readonly conditionalCompletion: 'refused' | 'condition ignored' | 'not supported';
  /** Deleting a version within the default retention of its bucket. */
  readonly objectLock: 'refuses deletion' | 'does not protect' | 'not supported';
  /** A PUT without a digest into such a bucket: AWS refuses it, and Stowage then sends one. */
  readonly lockedWithoutDigest: 'refused' | 'accepted' | 'not supported';
  /** What GetObjectRetention answers there for a new object. */
  readonly ownRetention: 'its own' | "the bucket's until it is extended" | 'not supported';
  /** A retention that ends before the present one. */
  readonly shortened: 'refused' | 'accepted' | 'not supported';
  /** Deleting a version under legal hold. */
  readonly legalHold: 'refuses deletion' | 'does not protect' | 'not supported';
  /** A retention for a key whose newest version is a delete marker. */
  readonly retentionOfDeleted: 'refused' | 'accepted' | 'not supported';
  /** A user that can create objects, and cannot read, list or delete. */
  readonly writeOnlyUser: 'yes' | 'not tried';
  readonly events: 'per bucket' | 'one receiver for all buckets' | 'not tried';
  /** A PUT with a wrong `x-amz-checksum-crc32`, and one with a wrong Content-MD5. */
  readonly wrongChecksum: 'refused' | 'accepted';
  readonly wrongContentMd5: 'refused' | 'accepted';
  /** Folders whose objects were all deleted. */
  readonly ghostFolders: 'not listed' | 'listed in buckets with versions' | 'listed for some time';
  readonly pendingUploads: 'listed by prefix' | 'listed by key only';
  /** The failed checks of the storage in `stowage doctor`, as it prints them. */
  readonly doctor: readonly string[];
  readonly doctorWithVersions: readonly string[] | 'no versions';
}

export interface StoreResult {
  readonly facts: StoreFacts;
  readonly suite: { readonly tests: number; readonly passed: number };
}

const FOLDER = new URL('../../docs/object-stores/', import.meta.url);

export const resultFile = (id: string) => new URL(`${id}.json`, FOLDER);

export async function readResults(): Promise<StoreResult[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json')).toSorted();
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(new URL(name, FOLDER), 'utf8'))),
  ) as Promise<StoreResult[]>;
}

const ROWS: readonly (readonly [label: string, cell: (result: StoreResult) => string])[] = [
  ['version', ({ facts }) => `\`${facts.version}\``],
  ['20 racing conditional PUTs of one key', ({ facts }) => facts.conditionalCreate],
  ['the same in a bucket with versions', ({ facts }) => facts.conditionalCreateWithVersions],
  ['conditional completion over an object', ({ facts }) => facts.conditionalCompletion],
  ['Object Lock with a default retention', ({ facts }) => facts.objectLock],
  ['a PUT without a digest there', ({ facts }) => facts.lockedWithoutDigest],
  ['retention of a new object there', ({ facts }) => facts.ownRetention],
  ['a shorter retention', ({ facts }) => facts.shortened],
  ['legal hold', ({ facts }) => facts.legalHold],
  ['retention of a deleted object', ({ facts }) => facts.retentionOfDeleted],
  ['a shipper that can only create objects', ({ facts }) => facts.writeOnlyUser],
  ['events of created objects', ({ facts }) => facts.events],
  ['a PUT with a wrong CRC-32', ({ facts }) => facts.wrongChecksum],
  ['a PUT with a wrong Content-MD5', ({ facts }) => facts.wrongContentMd5],
  ['folders whose objects were deleted', ({ facts }) => facts.ghostFolders],
  ['unfinished uploads', ({ facts }) => facts.pendingUploads],
  ['`stowage doctor`', ({ facts }) => doctorCell(facts.doctor)],
  ['`stowage doctor`, with versions', ({ facts }) => doctorCell(facts.doctorWithVersions)],
  ['the suite', ({ suite }) => `${suite.passed} of ${suite.tests} tests passed`],
];

function doctorCell(failed: readonly string[] | 'no versions'): string {
  if (failed === 'no versions') return failed;
  if (failed.length === 0) return 'all checks pass';
  return `\`BAD\`: ${failed.map((check) => check.split(':')[0]).join(', ')}`;
}

/** Pure. The table of the page: a column for each server. */
export function storesTable(results: readonly StoreResult[]): string {
  const rows = [
    ['', ...results.map(({ facts }) => facts.name)],
    ...ROWS.map(([label, cell]) => [label, ...results.map(cell)]),
  ];
  const widths = [0, ...results.map((_, index) => index + 1)].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

if (import.meta.main) process.stdout.write(`${storesTable(await readResults())}\n`);
