import { createVerify, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';

/** GETs a small text over HTTPS; injected, so that tests need no access to Amazon. */
export type FetchText = (url: URL) => Promise<string>;

/** A message that SNS posts to an HTTP endpoint (without raw message delivery). */
const SnsMessage = z.object({
  Type: z.enum(['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation']),
  MessageId: z.string(),
  TopicArn: z.string(),
  Message: z.string(),
  Subject: z.string().nullish(),
  Timestamp: z.string(),
  Token: z.string().exactOptional(),
  SubscribeURL: z.string().exactOptional(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.base64(),
  SigningCertURL: z.string(),
});
type SnsMessage = z.infer<typeof SnsMessage>;

/**
 * A body with such a `Type` is checked as an SNS message: a forged one must not pass as another
 * notification by leaving out its signature.
 */
const LooksLikeSns = SnsMessage.pick({ Type: true });

/** The message is not proven to come from Amazon, or is of a topic that is not configured. */
export class SnsRejectedError extends Error {
  override readonly name = 'SnsRefusal';
}

export interface SnsVerifier {
  /**
   * Verifies that a message comes from a configured topic and that Amazon signed it, and confirms a
   * subscription. Replays are accepted: a repeated notification only runs a job again.
   * @returns the message; undefined when the body is not an SNS message.
   * @throws SnsRejectedError; any other error when Amazon did not answer, and SNS should retry.
   */
  verify(body: unknown): Promise<Pick<SnsMessage, 'Type' | 'TopicArn'> | undefined>;
}

/** Amazon has one per region, and replaces it once a year. */
const CERTIFICATES_MAX = 16;

/**
 * Hosts of SNS in every partition. With any other host a sender could sign messages with its own
 * certificate, and make this server fetch any URL.
 */
const SNS_HOST = /^sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?$/;

/**
 * Verifies SNS messages over HTTP with node:crypto. The validator on npm is not used: it has one
 * maintainer, its last release is of 2024, and it fetches by itself, without bounds.
 */
export function snsVerifier(options: {
  readonly topics: readonly string[];
  readonly fetchText: FetchText;
  readonly clock: () => Date;
}): SnsVerifier {
  const { topics, fetchText, clock } = options;
  const certificates = new Map<string, Promise<X509Certificate>>();

  /** Concurrent messages share one fetch; a failed fetch is not cached. */
  function certificateAt(url: URL): Promise<X509Certificate> {
    const known = certificates.get(url.href);
    if (known !== undefined) return known;
    if (certificates.size >= CERTIFICATES_MAX) certificates.clear();
    const fetched = fetchText(url).then((pem) => new X509Certificate(pem));
    fetched.catch(() => certificates.delete(url.href));
    certificates.set(url.href, fetched);
    return fetched;
  }

  return {
    async verify(body) {
      if (!LooksLikeSns.safeParse(body).success) return undefined;
      const message = SnsMessage.safeParse(body).data;
      if (message === undefined)
        throw new SnsRejectedError('the message lacks fields that every SNS message has');
      const { TopicArn, Type } = message;
      if (!topics.includes(TopicArn))
        throw new SnsRejectedError(`topic ${TopicArn} is not in serve.snsTopics`);
      const certificate = await certificateAt(urlOfCertificate(message.SigningCertURL));
      const now = clock();
      if (now < certificate.validFromDate || now > certificate.validToDate)
        throw new SnsRejectedError(
          `the certificate is not valid now, only from ${certificate.validFrom} to ${certificate.validTo}`,
        );
      if (!isSigned(message, certificate))
        throw new SnsRejectedError('the signature does not match the certificate');
      if (Type === 'SubscriptionConfirmation')
        await fetchText(urlOfSns(message.SubscribeURL ?? '', 'SubscribeURL'));
      return message;
    },
  };
}

function urlOfSns(text: string, field: string): URL {
  const url = URL.parse(text);
  const isSns =
    url?.protocol === 'https:' && url.host === url.hostname && SNS_HOST.test(url.hostname);
  if (url === null || !isSns || url.username !== '' || url.password !== '')
    throw new SnsRejectedError(`${field} is not an SNS address`);
  return url;
}

/**
 * Only certificate files: the API has the same host, and its answers can quote text of the caller.
 */
const CERTIFICATE_PATH = /^\/SimpleNotificationService-[0-9A-Za-z]+\.pem$/;

function urlOfCertificate(text: string): URL {
  const url = urlOfSns(text, 'SigningCertURL');
  if (!CERTIFICATE_PATH.test(url.pathname) || url.search !== '')
    throw new SnsRejectedError('SigningCertURL is not the address of an SNS certificate');
  return url;
}

/**
 * The fields that Amazon signs, in this order (its developer guide, "Verifying the signatures of
 * Amazon SNS messages").
 */
function isSigned(message: SnsMessage, certificate: X509Certificate): boolean {
  const names =
    message.Type === 'Notification'
      ? (['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const)
      : ([
          'Message',
          'MessageId',
          'SubscribeURL',
          'Timestamp',
          'Token',
          'TopicArn',
          'Type',
        ] as const);
  const signed = names.flatMap((name) => {
    const value = message[name as keyof SnsMessage];
    return value === undefined || value === null ? [] : [`${name}\n${value}\n`];
  });
  const algorithm = message.SignatureVersion === '1' ? 'RSA-SHA1' : 'RSA-SHA256';
  const verify = createVerify(algorithm).update(signed.join(''), 'utf8');
  return verify.verify(certificate.publicKey, message.Signature, 'base64');
}

const FETCH_MS = 5_000;
const FETCHED_BYTES_MAX = 64 * 1024;

/** `FetchText` over the network: bounded in time and size, without following redirects. */
export async function fetchText(url: URL): Promise<string> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const bytes: Uint8Array[] = [];
    let length = 0;
    for await (const some of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes.push(some);
      length += some.length;
      if (length > FETCHED_BYTES_MAX)
        throw new Error(`more than ${plural(FETCHED_BYTES_MAX, 'byte')}`);
    }
    return Buffer.concat(bytes).toString('utf8');
  } catch (cause) {
    throw new Error(`cannot read from ${url.origin}: ${messageOf(cause)}`, { cause });
  }
}
