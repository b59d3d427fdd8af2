import { StowageError } from '../backup-set/errors.ts';
import type { Relation } from '../backup-set/plan.ts';
import { copyOut } from '../database/copy-out.ts';
import type { RowBlock } from '../database/copy-wire/row-block.ts';
import type { Session } from '../database/session.ts';
import type { BackupJob } from './control.ts';
import type { ShipperDeps } from './deps.ts';
import type { PackSeries } from './pack-writer.ts';
import { compressFrame, compressLongFrame } from './zstd.ts';

/** What a relation's frames are made from, and where they go. */
export interface Shipping {
  readonly job: BackupJob;
  readonly packs: PackSeries;
  readonly deps: ShipperDeps;
}

/**
 * Ships all rows of one relation over a session: the relation is closed by the server's own row count, never by the end
 * of the byte stream.
 */
export async function shipRelation(session: Session, relation: Relation, shipping: Shipping): Promise<void> {
  const { job, deps } = shipping;
  const copy = copyOut(session, relation, { signal: deps.signal, encoding: job.encoding });
  const { rows, bytes } = await shipRows(copy.blocks, relation, shipping);
  const counted = await copy.rowsCounted();
  if (counted !== rows) throw countsDiffer(job, relation, rows, counted);
  deps.report({ type: 'relation', relation: relation.id, rows, bytes });
}

/** Blocks of rows → frames → packs; returns what has gone through. */
export async function shipRows(
  blocks: AsyncIterable<RowBlock>,
  relation: Relation,
  { job, packs, deps }: Shipping,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const { progress } = deps;
  progress.relation = `${relation.schema}.${relation.name}`;
  let rows = 0;
  let bytes = 0;
  let pending: Promise<() => Promise<void>> | undefined;
  for await (const block of blocks) {
    // While one block is compressed the next one is received; the frames keep their order.
    await (await pending)?.();
    pending = prepare(block);
    pending.catch(() => undefined);
    if (block.kind === 'long-row') {
      await (await pending)();
      pending = undefined;
    }
  }
  await (await pending)?.();
  return { rows, bytes };

  async function prepare(block: RowBlock): Promise<() => Promise<void>> {
    if (block.kind === 'long-row') {
      const counts = { rows: 1, bytes: 0 };
      const stored = compressLongFrame(counting(block.chunks, counts), job.level);
      return () => write(stored, () => counts);
    }
    const counts = { rows: block.count, bytes: block.rows.byteLength };
    const stored = await compressFrame(block.rows, job.level).finally(() => block.release());
    return () => write(stored, () => counts);
  }

  async function write(
    stored: AsyncIterable<Uint8Array> | Uint8Array,
    counts: () => { rows: number; bytes: number },
  ): Promise<void> {
    await packs.frame(relation.id, { stored, counts });
    const frame = counts();
    rows += frame.rows;
    bytes += frame.bytes;
    progress.rows += frame.rows;
    progress.bytes += frame.bytes;
  }
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  counts: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    counts.bytes += chunk.byteLength;
    yield chunk;
  }
}

function countsDiffer(
  { timestamp, content }: BackupJob,
  { schema, name }: Relation,
  received: number,
  counted: number,
): StowageError {
  return new StowageError(
    'database/count',
    `${schema}.${name}: ${received} rows were received, the server counted ${counted}`,
    {
      where: { set: timestamp, content, relation: `${schema}.${name}` },
    },
  );
}
