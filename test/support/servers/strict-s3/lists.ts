import { type Answer, escapeXml, xml } from './answers.ts';
import type { Exchange } from './state.ts';

/** Keys of one page of a list. */
const PAGE_KEYS_MAX = 1_000;

/** ListObjectsV2. The continuation token is the last key of the page before. */
export function listObjects({ state, bucket, query }: Exchange): Answer {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const entries = new Map<string, string>();
  for (const [key, item] of keysOf({ state, bucket })) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const name = end < 0 ? key : key.slice(0, end + delimiter.length);
    if (inBytes(name, after) > 0) entries.set(name, end < 0 ? item : folder(name));
  }
  if (delimiter === '/') {
    for (const ghost of state.rules.ghostPrefixes)
      if (ghost.startsWith(prefix) && inBytes(ghost, after) > 0) entries.set(ghost, folder(ghost));
  }
  const names = [...entries.keys()].sort(inBytes);
  const page = names.slice(0, PAGE_KEYS_MAX);
  const isTruncated = names.length > page.length;
  const token = isTruncated
    ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? '')}</NextContinuationToken>`
    : '';
  const inner = page.map((name) => entries.get(name)).join('');
  return xml(
    `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${token}${inner}</ListBucketResult>`,
  );
}

/** S3's order of keys; JavaScript's is that of UTF-16. */
const inBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const folder = (name: string): string =>
  `<CommonPrefixes><Prefix>${escapeXml(name)}</Prefix></CommonPrefixes>`;

function* keysOf({ state, bucket }: Pick<Exchange, 'state' | 'bucket'>) {
  for (const [path, { body, etag, modifiedAt }] of state.objects) {
    if (!path.startsWith(`${bucket}/`)) continue;
    const key = path.slice(bucket.length + 1);
    const time = `<LastModified>${modifiedAt.toISOString()}</LastModified>`;
    const facts = `<Size>${body.length}</Size><ETag>"${etag}"</ETag>${time}`;
    yield [key, `<Contents><Key>${escapeXml(key)}</Key>${facts}</Contents>`] as const;
  }
}

/** ListMultipartUploads, in one page. */
export function listUploads({ state, bucket, query }: Exchange): Answer {
  const prefix = query.get('prefix') ?? '';
  const inner = [...state.uploads]
    .filter(([, upload]) => !upload.isComplete && upload.bucket === bucket)
    .filter(([, upload]) => upload.key.startsWith(prefix))
    .map(([id, { key, startedAt }]) => {
      const time = `<Initiated>${startedAt.toISOString()}</Initiated>`;
      return `<Upload><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId>${time}</Upload>`;
    });
  const isTruncated = '<IsTruncated>false</IsTruncated>';
  return xml(
    `<ListMultipartUploadsResult>${isTruncated}${inner.join('')}</ListMultipartUploadsResult>`,
  );
}
