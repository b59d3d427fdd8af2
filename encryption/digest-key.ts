import { StowageError } from '../backup-set/base/errors.ts';
import { KEY_BYTES } from '../frame/seal/derive.ts';
import { readPrivateFile } from './private-file.ts';

const DIGEST_KEY_FILE = { code: 'config/invalid', field: 'encryption.digestKeyFile' } as const;

/** One line of base64. `stowage key new --digest-key` writes it. */
export const digestKeyText = (key: Uint8Array) => `${Buffer.from(key).toString('base64')}\n`;

/**
 * The key under which the coordinator's digests of rows are made.
 * @throws StowageError `config/invalid` naming the field; never with a part of the key.
 */
export async function readDigestKey(path: string): Promise<Buffer> {
  const text = (await readPrivateFile(path, DIGEST_KEY_FILE)).toString().trim();
  const key = Buffer.from(text, 'base64');
  if (key.length === KEY_BYTES && key.toString('base64') === text) return key;
  throw new StowageError(
    'config/invalid',
    `encryption.digestKeyFile: ${path} is not a digest key (one line of base64, ${KEY_BYTES} bytes)`,
    { where: { field: DIGEST_KEY_FILE.field } },
  );
}
