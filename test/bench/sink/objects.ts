import type { Body } from './body.ts';

export interface SinkObject extends Body {
  readonly etag: string;
  readonly modifiedAt: Date;
  /** Headers that come back with the object: the content type and the client's own. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, SinkPart>;
}

interface SinkPart extends Body {
  readonly etag: string;
}

/** All objects of all buckets, by `bucket/key`. */
export interface Objects {
  readonly stored: Map<string, SinkObject>;
  readonly uploads: Map<string, Upload>;
  /** Bodies that are larger are thrown away; infinite: all are kept. */
  keptBytesMax: number;
}

/** Documents must be read again, and are kept however large; packs and dumps need not. */
export const DISCARD_ABOVE_BYTES = 1024 ** 2;

export function noObjects(): Objects {
  return { stored: new Map(), uploads: new Map(), keptBytesMax: DISCARD_ABOVE_BYTES };
}

let serial = 0;

/** Shaped as the etag of a multipart upload, so that no client takes it for an MD5 that somebody had to compute. */
export function nextEtag(parts = 1): string {
  serial += 1;
  return `${serial.toString(16).padStart(32, '0')}-${parts}`;
}

/** Puts the parts together, in the order of their numbers; undefined when there is no such upload. */
export function complete(objects: Objects, uploadId: string): SinkObject | undefined {
  const upload = objects.uploads.get(uploadId);
  if (upload === undefined) return undefined;
  const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
  const chunks = parts.flatMap((part) => part.chunks ?? []);
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const isWhole = parts.every((part) => part.chunks !== undefined);
  objects.uploads.delete(uploadId);
  return {
    bytes,
    ...(isWhole ? { chunks } : {}),
    etag: nextEtag(parts.length),
    modifiedAt: new Date(),
    headers: upload.headers,
  };
}

export interface Listed {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** One page of the keys of a bucket, in order; what has `delimiter` behind the prefix is rolled up. */
export function list(
  objects: Objects,
  bucket: string,
  {
    prefix,
    delimiter,
    after,
    max,
  }: { prefix: string; delimiter: string; after: string; max: number },
): Listed {
  const from = bucket.length + 1;
  const all = [...objects.stored.keys()]
    .filter((name) => name.startsWith(`${bucket}/${prefix}`))
    .map((name) => name.slice(from))
    .sort();
  const keys: string[] = [];
  const prefixes = new Set<string>();
  for (const key of all) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const entry = cut < 0 ? key : key.slice(0, cut + delimiter.length);
    if (entry <= after) continue;
    if (keys.length + prefixes.size >= max && !prefixes.has(entry)) {
      const last = [keys.at(-1) ?? '', [...prefixes].at(-1) ?? ''].sort()[1] ?? '';
      return { keys, prefixes: [...prefixes], next: last };
    }
    if (cut < 0) keys.push(key);
    else prefixes.add(entry);
  }
  return { keys, prefixes: [...prefixes] };
}
