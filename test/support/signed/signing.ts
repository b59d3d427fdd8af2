import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  newSigningKey,
  readSigningKey,
  type SigningKey,
} from '../../../encryption/signatures/signing-key.ts';

let made = 0;

/** A new key of a command, and its file. */
export async function testSigningKey(
  folder: string,
): Promise<{ readonly file: string; readonly key: SigningKey }> {
  const file = join(folder, `signing-${++made}.key`);
  await writeFile(file, newSigningKey(new Date()).text, { mode: 0o600 });
  return { file, key: await readSigningKey(file) };
}
