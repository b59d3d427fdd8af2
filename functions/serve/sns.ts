import { createVerify, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { messageOf } from '../../backup-set/base/errors.ts';

/** GETs a small text over HTTPS; injected, so that tests need no Amazon. */
export type FetchText = (url: URL) => Promise<string>;

/** A message that SNS posts to an HTTP endpoint, unless the subscription delivers raw. */
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

/** What only SNS writes: it must not get in by leaving out what its signature would need. */
const LooksLikeSns = SnsMessage.pick({ Type: true });

/** What anybody could have written: it names a topic that is not ours, or its signature is not Amazon's. */
export class SnsRejectedError extends Error {
  override readonly name = 'SnsRefusal';
}

export interface SnsVerifier {
  /**
   * Resolves to nothing for what other senders send, and to the message when it comes from a configured topic and Amazon
   * signed it; a subscription has been confirmed then. Replays are not looked for: a notification that comes again causes another look, no more.
   * @throws SnsRefusal; any other error when Amazon could not be asked, and SNS had better try again.
   */
  verify(body: unknown): Promise<Pick<SnsMessage, 'Type' | 'TopicArn'> | undefined>;
}

/** One per region is what Amazon has; it changes them once a year. */
const CERTIFICATES_MAX = 16;

/** Hosts of SNS in every partition. Whoever could name another would sign what he likes, and have us fetch what he likes. */
const SNS_HOST = /^sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?$/;

/**
 * The door for SNS over HTTP. The signature is verified here in some lines of node:crypto: the validator on npm has one
 * maintainer's last release of 2024 and fetches by itself, without bounds.
 */
export function snsVerifier(options: {
  readonly topics: readonly string[];
  readonly fetchText: FetchText;
  readonly clock: () => Date;
}): SnsVerifier {
  const { topics, fetchText, clock } = options;
  const certificates = new Map<string, Promise<X509Certificate>>();

  /** Messages that come together wait for one fetch; one that failed is not remembered. */
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
        throw new SnsRejectedError('this is not all that SNS writes into a message');
      const { TopicArn, Type } = message;
      if (!topics.includes(TopicArn))
        throw new SnsRejectedError(`topic ${TopicArn} is not in serve.snsTopics`);
      const certificate = await certificateAt(urlOfCertificate(message.SigningCertURL));
      const now = clock();
      if (now < certificate.validFromDate || now > certificate.validToDate)
        throw new SnsRejectedError(
          `the certificate is valid from ${certificate.validFrom} to ${certificate.validTo}`,
        );
      if (!isSigned(message, certificate))
        throw new SnsRejectedError('the signature does not fit the certificate');
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
    throw new SnsRejectedError(`${field} is not an address of SNS`);
  return url;
}

/** The API has the same host, and its answers can quote what the caller wrote: only the files there are Amazon's own word. */
const CERTIFICATE_PATH = /^\/SimpleNotificationService-[0-9A-Za-z]+\.pem$/;

function urlOfCertificate(text: string): URL {
  const url = urlOfSns(text, 'SigningCertURL');
  if (!CERTIFICATE_PATH.test(url.pathname) || url.search !== '')
    throw new SnsRejectedError('SigningCertURL is not a certificate of SNS');
  return url;
}

/** Which fields Amazon signs, in which order: its developer guide, "Verifying the signatures of Amazon SNS messages". */
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

/** `FetchText` of the real world: bounded in time and size, and it follows nobody elsewhere. */
export async function fetchText(url: URL): Promise<string> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const bytes: Uint8Array[] = [];
    let length = 0;
    for await (const some of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes.push(some);
      length += some.length;
      if (length > FETCHED_BYTES_MAX) throw new Error(`more than ${FETCHED_BYTES_MAX} bytes`);
    }
    return Buffer.concat(bytes).toString('utf8');
  } catch (cause) {
    throw new Error(`${url.origin} did not answer: ${messageOf(cause)}`, { cause });
  }
}
