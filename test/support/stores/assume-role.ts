import { createHash, createHmac } from 'node:crypto';
import { type Keys, REGION } from './store-server.ts';

/**
 * Temporary keys with the rights of one statement, from the STS of a server. No package of ours
 * has a client of STS, so the request is signed here (SigV4).
 */
export async function assumeRole(endpoint: string, keys: Keys, statement: object): Promise<Keys> {
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    DurationSeconds: '3600',
    Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
  }).toString();
  const response = await fetch(`${endpoint}/`, {
    method: 'POST',
    headers: signed(new URL(endpoint).host, keys, body),
    body,
  });
  const text = await response.text();
  const field = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1];
  const [accessKeyId, secretAccessKey, sessionToken] = [
    field('AccessKeyId'),
    field('SecretAccessKey'),
    field('SessionToken'),
  ];
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    throw new Error(`AssumeRole failed (HTTP ${response.status}): ${text}`);
  return { accessKeyId, secretAccessKey, sessionToken };
}

function signed(host: string, keys: Keys, body: string): Record<string, string> {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const type = 'application/x-www-form-urlencoded';
  const names = 'content-type;host;x-amz-date';
  const canonical = [
    ...['POST', '/', '', `content-type:${type}`, `host:${host}`, `x-amz-date:${time}`, ''],
    ...[names, sha256(body)],
  ].join('\n');
  const scope = `${day}/${REGION}/sts/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [day, REGION, 'sts', 'aws4_request'].reduce<Buffer>(
    (signing, step) => hmac(signing, step),
    Buffer.from(`AWS4${keys.secretAccessKey}`),
  );
  const signature = hmac(key, toSign).toString('hex');
  return {
    'content-type': type,
    'x-amz-date': time,
    authorization: `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
