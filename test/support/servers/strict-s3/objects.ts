import { type Answer, elements, escapeXml, refused, xml } from './answers.ts';
import { checkDigests, crc32Of, demandDigest, demandDigestOfDelete } from './digests.ts';
import { type Exchange, keep, type StoredBytes } from './state.ts';

export const pathOf = ({ bucket, key }: Pick<Exchange, 'bucket' | 'key'>): string =>
  `${bucket}/${key}`;

/** `x-amz-meta-*` of a request, without the prefix. */
export function metadataOf(headers: Exchange['headers']): Record<string, string> {
  const META = 'x-amz-meta-';
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(META))
      .map(([name, value]) => [name.slice(META.length), String(value)]),
  );
}

export function putObject(exchange: Exchange): Answer {
  const { state, headers, body } = exchange;
  demandDigest(exchange, 'Object');
  checkDigests(exchange);
  refuseExisting(exchange);
  const made = keep(state, body, crc32Of(headers));
  state.objects.set(pathOf(exchange), { ...made, metadata: metadataOf(headers) });
  return { status: 200, headers: writtenHeaders(made) };
}

/** `If-None-Match: *`. */
export function refuseExisting(exchange: Exchange): void {
  const { state, headers } = exchange;
  if (headers['if-none-match'] === '*' && state.objects.has(pathOf(exchange)))
    throw refused('PreconditionFailed');
}

export function copyObject(exchange: Exchange): Answer {
  refuseExisting(exchange);
  const made = { ...sourceOf(exchange), modifiedAt: new Date() };
  exchange.state.objects.set(pathOf(exchange), made);
  return xml(`<CopyObjectResult><ETag>"${made.etag}"</ETag></CopyObjectResult>`);
}

/** The object, or the range of it, that `x-amz-copy-source` names. */
export function sourceOf({ state, headers }: Exchange): StoredBytes {
  const path = decodeURIComponent(String(headers['x-amz-copy-source'])).replace(/^\//, '');
  const source = state.objects.get(path);
  if (source === undefined) throw refused('NoSuchKey');
  const condition = headers['x-amz-copy-source-if-match'];
  if (condition !== undefined && plain(String(condition)) !== source.etag)
    throw refused('PreconditionFailed');
  const range = /bytes=(\d+)-(\d+)/.exec(String(headers['x-amz-copy-source-range'] ?? ''));
  if (range === null) return source;
  return keep(state, source.body.subarray(Number(range[1]), Number(range[2]) + 1), undefined);
}

export function getObject(exchange: Exchange): Answer {
  const { state, headers, method } = exchange;
  const found = state.objects.get(pathOf(exchange));
  if (found === undefined) throw refused('NoSuchKey');
  const condition = headers['if-match'];
  if (condition !== undefined && plain(condition) !== found.etag)
    throw refused('PreconditionFailed');
  const sent: Record<string, string> = {
    ...writtenHeaders(found),
    'last-modified': found.modifiedAt.toUTCString(),
    'accept-ranges': 'bytes',
  };
  for (const [name, value] of Object.entries(found.metadata)) sent[`x-amz-meta-${name}`] = value;
  const bytes = found.body.length;
  if (method === 'HEAD') return { status: 200, headers: { ...sent, 'content-length': `${bytes}` } };
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  if (range === null) return { status: 200, headers: sent, body: found.body };
  const first = Number(range[1]);
  const last = range[2] === '' ? bytes - 1 : Math.min(Number(range[2]), bytes - 1);
  if (first >= bytes) throw refused('InvalidRange');
  const body = found.body.subarray(first, last + 1);
  return {
    status: 206,
    headers: { ...sent, 'content-range': `bytes ${first}-${last}/${bytes}` },
    body,
  };
}

export function deleteObject(exchange: Exchange): Answer {
  exchange.state.objects.delete(pathOf(exchange));
  return { status: 204 };
}

export function deleteObjects(exchange: Exchange): Answer {
  demandDigestOfDelete(exchange);
  checkDigests(exchange);
  const keys = elements(exchange.body.toString(), 'Key');
  const { undeletable } = exchange.state.rules;
  const isRefused = (key: string) => undeletable?.(key) === true;
  const gone = keys.filter((key) => !isRefused(key));
  for (const key of gone) exchange.state.objects.delete(`${exchange.bucket}/${key}`);
  const isQuiet = exchange.body.includes('<Quiet>true</Quiet>');
  const element = (name: string, key: string, more = '') =>
    `<${name}><Key>${escapeXml(key)}</Key>${more}</${name}>`;
  const deleted = isQuiet ? [] : gone.map((key) => element('Deleted', key));
  const errors = keys
    .filter(isRefused)
    .map((key) => element('Error', key, '<Code>AccessDenied</Code><Message>no</Message>'));
  return xml(`<DeleteResult>${[...deleted, ...errors].join('')}</DeleteResult>`);
}

export function writtenHeaders({ etag, crc32 }: StoredBytes): Record<string, string> {
  const headers = { etag: `"${etag}"` };
  return crc32 === undefined ? headers : { ...headers, 'x-amz-checksum-crc32': crc32 };
}

export const plain = (etag: string): string => etag.replaceAll('"', '');
