import type { Body } from './body.ts';

export interface SinkObject extends Body {
  readonly etag: string;
  readonly modifiedAt: Date;
  /** Headers that are returned with the object: the content type and user metadata. */
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
  /** Larger bodies are discarded. Infinity keeps all. */
  keptBytesMax: number;
}

/** Packs and dumps above this size are discarded. Documents of any size are kept: they are read. */
export const DISCARD_ABOVE_BYTES = 1024 ** 2;

export function noObjects(): Objects {
  return { stored: new Map(), uploads: new Map(), keptBytesMax: DISCARD_ABOVE_BYTES };
}

let serial = 0;

/** An ETag in the form of a multipart upload, so that no client takes it for an MD5. */
export function nextEtag(parts = 1): string {
  serial += 1;
  return `${serial.toString(16).padStart(32, '0')}-${parts}`;
}

/** Joins the parts of an upload in order of their numbers; undefined for an unknown upload. */
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
  /** The start of the next page; absent on the last page. */
  readonly next?: string;
}

/** A page of the keys of a bucket, in order. Keys with `delimiter` after the prefix are grouped. */
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
