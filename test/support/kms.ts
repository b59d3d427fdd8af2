import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const KMS_ARN =
  'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

export interface FakeKms {
  readonly requests: Record<string, unknown>[];
  /** With these variables the SDK of AWS calls it. */
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

/** Speaks the JSON protocol of KMS, and "encrypts" by reversing. */
export async function fakeKms(): Promise<FakeKms> {
  const requests: Record<string, unknown>[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.parse((await Array.fromAsync(request)).join('')) as Record<string, string>;
    const target = String(request.headers['x-amz-target']).split('.')[1];
    requests.push({ target, ...body });
    const reply = (status: number, value: object) =>
      response
        .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
        .end(JSON.stringify(value));
    const reversed = (text = '') => Buffer.from(text, 'base64').reverse().toString('base64');
    if (body['KeyId']?.includes('denied'))
      reply(400, { __type: 'AccessDeniedException', message: 'not authorized to kms:Encrypt' });
    else if (target === 'Encrypt')
      reply(200, { KeyId: KMS_ARN, CiphertextBlob: reversed(body['Plaintext']) });
    else reply(200, { KeyId: KMS_ARN, Plaintext: reversed(body['CiphertextBlob']) });
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const env = {
    AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  return { requests, env, close: () => void server.close() };
}
