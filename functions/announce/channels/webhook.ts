import { createHmac } from 'node:crypto';
import { TOOL } from '../../../backup-set/base/tool.ts';
import type { ChannelSettings } from '../settings.ts';
import { answerText, type ChannelSecrets, type Sender } from './channel.ts';

const ANSWER_BYTES_MAX = 2_000;

/** POSTs the body of the message as JSON, signed when there is a secret (docs/security.md). */
export function webhookSender(
  { url: configured }: NonNullable<ChannelSettings['webhook']>,
  { secret, url = configured ?? '' }: ChannelSecrets,
  clock: () => Date,
): Sender {
  return async ({ id, body }, signal) => {
    const text = JSON.stringify(body);
    const response = await fetch(url, {
      method: 'POST',
      body: text,
      headers: {
        'content-type': 'application/json',
        'user-agent': TOOL,
        'stowage-event': id,
        ...(secret !== undefined && { 'stowage-signature': signature(text, secret, clock()) }),
      },
      // A redirect would send the signed body to another server.
      redirect: 'manual',
      signal,
    });
    const answered = `HTTP ${response.status}`;
    const said = answerText(await beginningOf(response));
    if (response.ok) return answered;
    throw new Error(said === '' ? answered : `${answered}: ${said}`);
  };
}

/** `t=<seconds>,v1=<hex>`: HMAC-SHA-256 of `<seconds>.<body>`; the time makes a replay visible. */
export function signature(body: string, secret: string, at: Date): string {
  const seconds = Math.floor(at.getTime() / 1000);
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${digest}`;
}

async function beginningOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString('utf8');
}
