import { crc32 } from 'node:zlib';
import { onAbort } from '../../async/abort.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type MetadataFile } from '../../backup-set/base/keys.ts';
import { count } from '../../backup-set/base/words.ts';
import { sequenceStatements } from '../../database/catalog/sequences.ts';
import { globalsTarget } from '../../database/globals/place.ts';
import { withoutSegments } from '../../database/session/failover/through-failover.ts';
import { attachSnapshot } from '../../database/session/snapshot.ts';
import {
  dumpGlobals,
  dumpLargeObjects,
  dumpSchema,
  type ToolOutput,
} from '../../database/tools/dump.ts';
import { withDumpPrograms } from '../../database/tools/dump-programs.ts';
import { hex } from '../../frame/hex.ts';
import { fileContext } from '../../frame/seal/context.ts';
import { sealing } from '../../frame/seal/seal.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import { type ShipperDeps, showUnderWay, silenceNote } from '../deps.ts';
import type { BackupJob } from '../protocol/control.ts';
import { LEVEL_MIN } from './level.ts';
import { labelOf, serverLockTimeoutMs } from './locks.ts';
import { receiptHeader, storeReceipt, type Writer } from './store-receipt.ts';

/** Worker 0 ships metadata, so its receipts never have the number of a pack's receipt. */
const METADATA_WORKER = 0;
/** Globals and sequences are held in memory; real clusters have far less. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;

/** Ships the metadata of the plan: globals, schema, values of sequences, large objects. */
export async function shipMetadata(job: BackupJob, deps: ShipperDeps): Promise<void> {
  let sequence = 0;
  if (job.metadata.length === 0) return;
  const target = await withDumpPrograms(job.target, deps.signal);
  for (const file of job.metadata) {
    deps.signal.throwIfAborted();
    await shipFile({ ...job, target }, file, ++sequence, deps);
  }
}

function shipFile(
  job: BackupJob,
  file: MetadataFile,
  sequence: number,
  deps: ShipperDeps,
): Promise<void> {
  return storeMetadata(job, { file, sequence, chunks: contentOf(file, job, deps) }, deps);
}

/** Stores one metadata file, and then its receipt. */
export async function storeMetadata(
  job: Writer,
  {
    file,
    sequence,
    chunks,
  }: {
    readonly file: MetadataFile;
    readonly sequence: number;
    readonly chunks: AsyncIterable<Uint8Array>;
  },
  deps: ShipperDeps,
): Promise<void> {
  const { timestamp, content, attempt } = job;
  const key = formatKey({ kind: 'metadata', timestamp, content, attempt, file });
  const startedAt = deps.clock();
  const sums = { bytes: 0, crc: 0 };
  using _ = showUnderWay(deps.progress, `the definitions (${file})`);
  const { sealing: sealer } = deps;
  const stored = sealer ? sealing(sealer.key, fileContext(key), chunks) : chunks;
  const { etag } = await deps.store.upload(key, summing(stored, sums, deps), {
    signal: deps.signal,
    ownKey: true,
  });
  await storeReceipt(
    {
      kind: 'metadata',
      ...receiptHeader(job, METADATA_WORKER, sequence),
      object: {
        key,
        bytes: sums.bytes,
        crc32: hex(sums.crc),
        ...(etag === undefined ? {} : { etag }),
      },
      startedAt: startedAt.toISOString(),
      finishedAt: deps.clock().toISOString(),
      file,
    },
    deps,
  );
}

async function* contentOf(
  file: MetadataFile,
  job: BackupJob,
  deps: ShipperDeps,
): AsyncGenerator<Uint8Array> {
  const { signal } = deps;
  const options = { ...dumpOptions(job, signal), onSilence: silenceNote(deps) };
  switch (file) {
    case 'schema.dump':
      yield* outputOf(dumpSchema(withoutSegments(job.target), snapshotOf(job), options));
      return;
    case 'large-objects.dump':
      yield* outputOf(dumpLargeObjects(job.target, snapshotOf(job), options));
      return;
    case 'globals.sql.zst':
      yield await zstd.encode(
        await collect(outputOf(dumpGlobals(await globalsTargetOf(job, signal), options)), file),
        textLevel(job),
      );
      return;
    case 'sequences.sql.zst':
      yield await zstd.encode(await collect(sequences(job, signal), file), textLevel(job));
  }
}

/** Greenplum's pg_dump cannot import the snapshot: the held locks protect the definitions. */
const snapshotOf = ({ target, snapshotId }: BackupJob) =>
  target.greenplum === undefined ? snapshotId : undefined;

const globalsTargetOf = ({ target, encoding }: BackupJob, signal: AbortSignal) =>
  globalsTarget(withoutSegments(target), encoding, signal);

const dumpOptions = (job: BackupJob, signal: AbortSignal) => ({
  signal,
  label: labelOf(job),
  lockTimeoutMs: serverLockTimeoutMs(job),
  encoding: job.encoding,
});

const textLevel = ({ level }: BackupJob) => (level === 'auto' ? LEVEL_MIN : level);

/** The end of the output does not prove success, so the stream ends after a good exit code. */
async function* outputOf({ stdout, done }: ToolOutput): AsyncGenerator<Uint8Array> {
  yield* stdout;
  await done;
}

async function* sequences(job: BackupJob, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const session = await attachSnapshot(withoutSegments(job.target), snapshotOf(job), {
    purpose: 'backup',
    applicationName: `${labelOf(job)} sequences`,
    lockTimeoutMs: serverLockTimeoutMs(job),
    signal,
  });
  using _ = onAbort(signal, () => void session.destroy());
  try {
    for await (const statement of sequenceStatements(session)) yield Buffer.from(`${statement}\n`);
  } finally {
    await session.close();
  }
}

async function* summing(
  source: AsyncIterable<Uint8Array>,
  sums: { bytes: number; crc: number },
  { progress, throttle, signal }: ShipperDeps,
) {
  for await (const chunk of source) {
    await throttle(chunk.byteLength, signal);
    sums.crc = crc32(chunk, sums.crc);
    sums.bytes += chunk.byteLength;
    progress.storedBytes += chunk.byteLength;
    yield chunk;
  }
}

async function collect(source: AsyncIterable<Uint8Array>, file: MetadataFile): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    if (bytes > TEXT_BYTES_MAX)
      throw new StowageError(
        'database/tool',
        `${file} is longer than ${count(TEXT_BYTES_MAX)} bytes, the most that a backup stores`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
