import { createHash, randomUUID } from 'node:crypto';
import { type Answer, elements, escapeXml, refused, xml } from './answers.ts';
import { checkDigests, checksumName, crc32Of, demandDigest } from './digests.ts';
import { metadataOf, pathOf, plain, refuseExisting, sourceOf, writtenHeaders } from './objects.ts';
import { type Exchange, keep, opaque, type StoredBytes, serverTime, type Upload } from './state.ts';

export function beginUpload({ state, bucket, key, headers }: Exchange): Answer {
  const id = randomUUID();
  const algorithm = headers['x-amz-checksum-algorithm'];
  state.uploads.set(id, {
    bucket,
    key,
    startedAt: serverTime(state),
    metadata: metadataOf(headers),
    algorithm: algorithm === undefined ? undefined : String(algorithm).toUpperCase(),
    parts: new Map(),
    isComplete: false,
    aborts: 0,
  });
  const names = `<Bucket>${bucket}</Bucket><Key>${escapeXml(key)}</Key>`;
  const inner = `${names}<UploadId>${id}</UploadId>`;
  return xml(`<InitiateMultipartUploadResult>${inner}</InitiateMultipartUploadResult>`);
}

export function uploadPart(exchange: Exchange): Answer {
  const { state, headers, body } = exchange;
  const upload = openUpload(exchange);
  demandDigest(exchange, 'Part');
  checkDigests(exchange);
  const sent = checksumName(headers);
  if (!state.rules.lenientPartChecksums && sent !== undefined && sent !== upload.algorithm) {
    const types = `expected checksum Type: ${(upload.algorithm ?? 'null').toLowerCase()}, actual`;
    const message = `Checksum Type mismatch occurred, ${types} checksum Type: ${sent.toLowerCase()}`;
    throw refused('InvalidRequest', message);
  }
  const part = keep(state, body, crc32Of(headers));
  upload.parts.set(numberOf(exchange), part);
  return { status: 200, headers: writtenHeaders(part) };
}

export function copyPart(exchange: Exchange): Answer {
  const upload = openUpload(exchange);
  const part = sourceOf(exchange);
  upload.parts.set(numberOf(exchange), part);
  return xml(`<CopyPartResult><ETag>"${part.etag}"</ETag></CopyPartResult>`);
}

export function completeUpload(exchange: Exchange): Answer {
  const { state } = exchange;
  const upload = state.uploads.get(exchange.query.get('uploadId') ?? '');
  if (upload === undefined) throw refused('NoSuchUpload');
  if (upload.isComplete) {
    const { completedAgain } = state.rules;
    if (completedAgain !== 'done') throw refused(completedAgain);
    return completed(exchange, state.objects.get(pathOf(exchange))?.etag ?? '');
  }
  refuseExisting(exchange);
  const parts = namedParts(exchange, upload);
  const hash = createHash('md5');
  for (const part of parts) hash.update(part.etag, 'hex');
  const joined = hash.digest('hex');
  const etag = `${state.rules.etags === 'md5' ? joined : opaque(joined)}-${parts.length}`;
  const body = Buffer.concat(parts.map((part) => part.body));
  const { metadata } = upload;
  const modifiedAt = serverTime(state);
  state.objects.set(pathOf(exchange), { body, etag, modifiedAt, metadata, crc32: undefined });
  upload.isComplete = true;
  upload.parts.clear();
  return completed(exchange, etag);
}

/** The parts that the request names, each compared with what was sent. */
function namedParts({ body }: Exchange, upload: Upload): StoredBytes[] {
  return elements(body.toString(), 'Part').map((named) => {
    const [number = ''] = elements(named, 'PartNumber');
    const part = upload.parts.get(Number(number));
    if (part === undefined || part.etag !== plain(elements(named, 'ETag')[0] ?? ''))
      throw refused('InvalidPart');
    const [crc32] = elements(named, 'ChecksumCRC32');
    if (upload.algorithm === 'CRC32' && crc32 === undefined) {
      const rule = 'The complete request must include the checksum for each part.';
      const message = `The upload was created using a crc32 checksum. ${rule} It was missing for part ${number} in the request.`;
      throw refused('InvalidRequest', message);
    }
    if (crc32 !== undefined && crc32 !== part.crc32) throw refused('InvalidPart');
    return part;
  });
}

function completed({ bucket, key }: Exchange, etag: string): Answer {
  const inner = `<Bucket>${bucket}</Bucket><Key>${escapeXml(key)}</Key><ETag>"${etag}"</ETag>`;
  return xml(`<CompleteMultipartUploadResult>${inner}</CompleteMultipartUploadResult>`);
}

export function abortUpload(exchange: Exchange): Answer {
  const { state, query } = exchange;
  const upload = openUpload(exchange);
  upload.aborts += 1;
  if (upload.aborts >= state.rules.abortsNeeded) state.uploads.delete(query.get('uploadId') ?? '');
  return { status: 204 };
}

function openUpload({ state, query }: Exchange): Upload {
  const upload = state.uploads.get(query.get('uploadId') ?? '');
  if (upload === undefined || upload.isComplete) throw refused('NoSuchUpload');
  return upload;
}

const numberOf = ({ query }: Exchange): number => Number(query.get('partNumber'));
