import type { KMSClient } from '@aws-sdk/client-kms';
import { isStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { authorities } from '../../storage/s3/proxy/authorities.ts';
import type { Environment } from '../../storage/s3/proxy/proxy-for.ts';
import { TunnelAgent } from '../../storage/s3/proxy/tunnel.ts';
import type { Kms, KmsCall } from './kms.ts';

const CONNECT_MS = 10_000;
/** One attempt, and all attempts of a call. */
const ATTEMPT_MS = 15_000;
const CALL_MS = 60_000;
const ATTEMPTS_MAX = 4;

interface KmsSettings {
  /** Of keys whose names have none; absent = that of the default chain. */
  readonly region?: string | undefined;
  /** Has proxies and authorities, as for the store. */
  readonly env: Environment;
}

/** KMS through the AWS SDK, which is loaded by the first call. */
export function awsKms(settings: KmsSettings): Kms {
  return {
    encrypt: (KeyId, Plaintext, { context, signal }) =>
      calling(settings, { key: KeyId, what: 'encrypt', signal }, async (client, options) => {
        const { EncryptCommand } = await import('@aws-sdk/client-kms');
        const EncryptionContext = { ...context };
        const command = new EncryptCommand({ KeyId, Plaintext, EncryptionContext });
        const { KeyId: keyArn, CiphertextBlob } = await client.send(command, options);
        if (keyArn === undefined || CiphertextBlob === undefined) throw new Error(NO_ANSWER);
        return { keyArn, ciphertext: Buffer.from(CiphertextBlob).toString('base64') };
      }),
    decrypt: (KeyId, ciphertext, { context, signal }) =>
      calling(settings, { key: KeyId, what: 'decrypt', signal }, async (client, options) => {
        const { DecryptCommand } = await import('@aws-sdk/client-kms');
        const CiphertextBlob = Buffer.from(ciphertext, 'base64');
        const EncryptionContext = { ...context };
        const command = new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext });
        const { Plaintext } = await client.send(command, options);
        if (Plaintext === undefined) throw new Error(NO_ANSWER);
        return Plaintext;
      }),
  };
}

const NO_ANSWER = 'the answer is incomplete';

interface Call {
  readonly key: string;
  readonly what: 'encrypt' | 'decrypt';
  readonly signal: KmsCall['signal'];
}

async function calling<T>(
  { region, env }: KmsSettings,
  { key, what, signal }: Call,
  work: (client: KMSClient, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const sdk = await import('@aws-sdk/client-kms');
  const ofKey = key.startsWith('arn:') ? key.split(':')[3] : region;
  const client = new sdk.KMSClient({
    ...(ofKey !== undefined && { region: ofKey }),
    maxAttempts: ATTEMPTS_MAX,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ATTEMPT_MS,
      throwOnRequestTimeout: true,
      httpsAgent: new TunnelAgent({ ca: authorities(undefined, env) }, env),
    },
  });
  const timeout = AbortSignal.timeout(CALL_MS);
  const abortSignal = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    return await work(client, { abortSignal });
  } catch (cause) {
    if (isStowageError(cause)) throw cause;
    if (signal?.aborted === true)
      throw new StowageError('interrupted', `stopped while AWS KMS was asked to ${what}`);
    const reason = timeout.aborted
      ? `it did not answer within ${CALL_MS / 1000} seconds`
      : `${cause instanceof Error ? `${cause.name}: ` : ''}${messageOf(cause)}`;
    throw new StowageError('encryption/kms', `AWS KMS cannot ${what} with ${key}: ${reason}`, {
      cause,
      where: { field: 'encryption.kms' },
    });
  } finally {
    client.destroy();
  }
}
