import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { loadConfig } from '@smithy/core/config';
import { StowageError } from '../../../backup-set/base/errors.ts';

/** When the SDK calculates or validates a checksum. */
const WHEN = ['WHEN_SUPPORTED', 'WHEN_REQUIRED'] as const;
type When = (typeof WHEN)[number];

/**
 * The SDK's settings for checksums, from the AWS_… variables or the profile, as the SDK reads them.
 * Where neither says anything: what AWS supports, and on other servers what the protocol requires,
 * because many of them reject the headers.
 */
export function checksumSettings(isAws: boolean) {
  const fallback: When = isAws ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  return {
    request: readSetting('request_checksum_calculation', fallback),
    response: readSetting('response_checksum_validation', fallback),
  };
}

/**
 * What the clients get. PutObject and UploadPart bring their own digests (write/digests.ts), so the
 * SDK adds a checksum only where the protocol requires one.
 */
export function checksumConfig(isAws: boolean): S3ClientConfig {
  return {
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: checksumSettings(isAws).response,
  };
}

function readSetting(name: string, fallback: When): () => Promise<When> {
  const variable = `AWS_${name.toUpperCase()}`;
  const configured = loadConfig<string>({
    environmentVariableSelector: (env) => env[variable],
    configFileSelector: (profile) => profile[name],
    default: fallback,
  });
  return async () => {
    const value = await configured();
    const found = WHEN.find((one) => one === value.toUpperCase());
    if (found !== undefined) return found;
    const which = `${variable}, or ${name} of the profile, must be ${WHEN.join(' or ')}`;
    throw new StowageError('config/invalid', `${which}, not ${JSON.stringify(value)}`, {
      where: { field: variable },
    });
  };
}
