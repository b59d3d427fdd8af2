import { decode, HEAD_BYTES_MAX } from '../../../../backup-set/base/document.ts';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { formatKey } from '../../../../backup-set/base/keys.ts';
import { Manifest } from '../../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../../backup-set/documents/plan.ts';
import type { StoredObject } from '../../../../storage/store.ts';
import type { Deps } from '../../../deps.ts';

/** The fields of a manifest before its long lists. */
const ManifestHead = Manifest.omit({
  relations: true,
  notShipped: true,
  leftOut: true,
  secrets: true,
  contents: true,
});
const PlanHead = Plan.omit({
  relations: true,
  notShipped: true,
  leftOut: true,
  secrets: true,
  contents: true,
});
const SCHEMAS = { manifest: ManifestHead, plan: PlanHead } as const;

const HEAD_BYTES = 64 * 1024;
const TAIL_BYTES = 16;
/** A quote inside of a JSON text has a backslash, so no name can look like this. */
const LONG_LISTS = ',"relations":[';

export type HeadOf<Kind extends keyof typeof SCHEMAS> = ReturnType<(typeof SCHEMAS)[Kind]['parse']>;

/**
 * The first fields of a manifest or plan, without reading its tables and contents. A document that
 * was cut off is rejected as the whole one would be.
 * @throws StowageError `set/unreadable`
 */
export async function readHead<Kind extends keyof typeof SCHEMAS>(
  deps: Deps,
  timestamp: string,
  kind: Kind,
  stored: StoredObject,
): Promise<HeadOf<Kind>> {
  const key = formatKey({ kind, timestamp });
  const begin = await readRange(deps, key, 0, Math.min(HEAD_BYTES, stored.bytes));
  const end = begin.indexOf(LONG_LISTS);
  if (end === -1 || stored.bytes <= HEAD_BYTES) {
    const limit = { signal: deps.signal, bytesMax: HEAD_BYTES_MAX };
    const bytes = await deps.store.read(key, limit);
    return decode(SCHEMAS[kind], { key, bytes }) as HeadOf<Kind>;
  }
  const last = await readRange(deps, key, stored.bytes - TAIL_BYTES, TAIL_BYTES);
  if (!last.toString('utf8').endsWith('}\n'))
    throw new StowageError('set/unreadable', `${key} is cut off`, { where: { object: key } });
  const bytes = Buffer.concat([begin.subarray(0, end), Buffer.from('}')]);
  return decode(SCHEMAS[kind], { key, bytes }) as HeadOf<Kind>;
}

async function readRange(
  { store, signal }: Deps,
  key: string,
  offset: number,
  length: number,
): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  // The store may reuse the memory of a chunk.
  const chunks: Buffer[] = [];
  for await (const chunk of store.get(key, { offset, length, signal }))
    chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
