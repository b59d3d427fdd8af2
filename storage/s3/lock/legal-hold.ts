import { GetObjectLegalHoldCommand, PutObjectLegalHoldCommand } from '@aws-sdk/client-s3';
import type { CallOptions } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { askAbout } from './ask.ts';

export async function readLegalHold(s3: S3, key: string, options: CallOptions): Promise<boolean> {
  const input = { Bucket: s3.bucket, Key: s3.prefix + key };
  const doing = `reading the legal hold of ${key}`;
  const found = await askAbout(s3, key, doing, options, (client, http) =>
    client.send(new GetObjectLegalHoldCommand(input), http),
  );
  return found?.LegalHold?.Status === 'ON';
}

export async function writeLegalHold(
  s3: S3,
  key: string,
  isOn: boolean,
  options: CallOptions,
): Promise<void> {
  const LegalHold = { Status: isOn ? ('ON' as const) : ('OFF' as const) };
  const input = { Bucket: s3.bucket, Key: s3.prefix + key, LegalHold };
  const doing = `${isOn ? 'setting' : 'lifting'} the legal hold of ${key}`;
  await askAbout(s3, key, doing, options, (client, http) =>
    client.send(new PutObjectLegalHoldCommand(input), http),
  );
}
