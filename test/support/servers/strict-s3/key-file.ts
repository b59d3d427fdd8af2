import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StrictS3 } from './strict-s3.ts';

/** A file of keys as `~/.aws/credentials`, for tests that replace the keys of a running program. */
export interface KeyFile {
  readonly path: string;
  /** What a process needs to take its keys from the file, and from nowhere else. */
  readonly env: Readonly<Record<string, string>>;
  write(accessKey: string, token?: string): void;
  /** Writes the new key, and removes all others from the server. */
  rotate(accessKey: string): void;
  remove(): Promise<void>;
}

export async function keyFile({ rules }: Pick<StrictS3, 'rules'>): Promise<KeyFile> {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'));
  const path = join(folder, 'credentials');
  const write = (accessKey: string, token?: string) =>
    writeFileSync(
      path,
      [
        '[default]',
        `aws_access_key_id = ${accessKey}`,
        'aws_secret_access_key = secret',
        ...(token === undefined ? [] : [`aws_session_token = ${token}`]),
      ].join('\n'),
    );
  return {
    path,
    env: {
      AWS_SHARED_CREDENTIALS_FILE: path,
      AWS_CONFIG_FILE: join(folder, 'config'),
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    write,
    rotate(accessKey) {
      write(accessKey);
      rules.accessKeys = new Set([accessKey]);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The access keys that signed the requests, in order. */
export const keysSeen = ({ seen }: Pick<StrictS3, 'seen'>): (string | undefined)[] =>
  seen.map(({ headers }) => /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1]);
