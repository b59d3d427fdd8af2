import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChannelSecrets } from '../../../functions/announce/channels/channel.ts';
import { openChannel } from '../../../functions/announce/channels/open.ts';
import { messageOf } from '../../../functions/announce/message.ts';
import { AnnounceSettings } from '../../../functions/announce/settings.ts';
import type { Event } from '../../../functions/observe/events.ts';
import { makeCertificates } from '../../support/servers/certificates.ts';
import { mailReceiver, webhookReceiver } from './receivers.ts';

const EVENT: Event = {
  id: '20260131010203004-set-damaged-20260131000000',
  name: 'set-damaged',
  at: new Date('2026-01-31T01:02:03.004Z'),
  title: 'set 20260131000000 is damaged: 12 problems',
  problems: ['content 0: no such object\r\nBcc: x@y (object-missing)'],
  problemsTotal: 12,
  next: 'stowage show 20260131000000',
  database: 'orders',
  set: '20260131000000',
  stored: true,
};
const ORIGIN = { cluster: 'shop', root: 'file:///mnt/backup' };
const NOW = new Date('2026-01-31T02:00:00Z');

function channelOf(settings: object, secrets: ChannelSecrets = {}, sendMsMax = 5_000) {
  const [parsed] = AnnounceSettings.parse({ channels: [{ name: 'ops', ...settings }] }).channels;
  if (parsed === undefined) throw new Error('no channel');
  const context = { env: process.env, clock: () => NOW, sendMsMax };
  const channel = openChannel(parsed, secrets, context);
  const send = (event = EVENT) =>
    channel.send(messageOf(event, parsed, ORIGIN), new AbortController().signal);
  return { ...channel, send };
}

describe('a webhook', () => {
  it('gets the event as JSON, with a signature over time and body', async () => {
    const { url, received } = await webhookReceiver();
    const channel = channelOf({ webhook: { url } }, { secret: 's3cret' });
    expect(await channel.send()).toBe('HTTP 204');
    const [{ headers, body } = { headers: {}, body: '' }] = received;
    const [, seconds, digest] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['stowage-signature'])) ?? [];
    expect(Number(seconds)).toBe(NOW.getTime() / 1000);
    const expected = createHmac('sha256', 's3cret').update(`${seconds}.${body}`).digest('hex');
    expect(digest).toBe(expected);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'stowage-event': EVENT.id,
    });
    expect(JSON.parse(body)).toMatchObject({
      id: EVENT.id,
      event: 'set-damaged',
      severity: 'critical',
      cluster: 'shop',
      database: 'orders',
      set: '20260131000000',
      problemsTotal: 12,
      subject: '[stowage] critical: shop: set 20260131000000 is damaged: 12 problems',
    });
  });

  it('fails with the status and the beginning of the answer, and without the secret', async () => {
    const { url } = await webhookReceiver(() => 503);
    const channel = channelOf({ webhook: { url } }, { secret: 's3cret' });
    await expect(channel.send()).rejects.toMatchObject({
      code: 'announce/failed',
      message: 'channel ops: HTTP 503: not now, …',
    });
  });

  it('follows no redirect, which would send the event elsewhere', async () => {
    const { url, received } = await webhookReceiver(() => 307);
    await expect(channelOf({ webhook: { url } }).send()).rejects.toThrow('HTTP 307');
    expect(received).toHaveLength(1);
  });

  it('names its server only: the path of a chat service is its secret', async () => {
    const { url } = await webhookReceiver(() => 500);
    const channel = channelOf({ webhook: { urlFile: '/x' } }, { url });
    expect(channel.target).toBe(`webhook ${new URL(url).origin}`);
  });

  it('gives up on a server that accepts the connection and says nothing', async () => {
    const silent = createServer(() => undefined);
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void silent.close());
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    await expect(channelOf({ webhook: { url } }, {}, 200).send()).rejects.toThrow(
      'channel ops: no answer within 0 s',
    );
  });
});

async function serverCertificate() {
  const certificates = await makeCertificates();
  onTestFinished(() => certificates.remove());
  const authority = await certificates.authority('company');
  return { certificate: await authority.issue('smtp'), ca: authority.cert };
}

describe('mail', () => {
  const settings = (port: number, more: object = {}) => ({
    mail: {
      to: ['dba@example.org', 'Ops <ops@example.org>'],
      from: 'stowage@example.org',
      server: 'localhost',
      port,
      user: 'stowage',
      ...more,
    },
  });

  it('is sent over TLS, with a password, to all recipients', async () => {
    const { certificate, ca } = await serverCertificate();
    const { port, mails } = await mailReceiver(certificate);
    const channel = channelOf(settings(port), { secret: 's3cret', ca });
    expect(await channel.send()).toMatch(/^250 /);
    const [mail] = mails;
    expect(mail).toMatchObject({ secure: true, to: ['dba@example.org', 'ops@example.org'] });
    expect(mail?.content).toContain(`Message-ID: <${EVENT.id}.ops@stowage>`);
    expect(mail?.content).toContain('Subject: [stowage] critical: shop: set 20260131000000');
    expect(mail?.content).toContain('- content 0: no such object Bcc: x@y (object-missing)');
    expect(mail?.content).not.toMatch(/^Bcc:/m);
  });

  it('that one recipient did not get is tried for that recipient only', async () => {
    const { certificate, ca } = await serverCertificate();
    const unknown = ['ops@example.org'];
    const { port, mails } = await mailReceiver(certificate, unknown);
    const channel = channelOf(settings(port), { secret: 's3cret', ca });
    await expect(channel.send()).rejects.toThrow('the server rejected ops@example.org');
    unknown.pop();
    expect(await channel.send()).toMatch(/^250 /);
    expect(mails.map(({ to }) => to)).toEqual([['dba@example.org'], ['ops@example.org']]);
  });

  it('is not sent to a server whose certificate no known authority has signed', async () => {
    const { certificate } = await serverCertificate();
    const { port, mails } = await mailReceiver(certificate);
    await expect(channelOf(settings(port), { secret: 's3cret' }).send()).rejects.toThrow(
      /certificate/,
    );
    expect(mails).toEqual([]);
  });

  it('fails with the answer of the server, and without the password', async () => {
    const { certificate, ca } = await serverCertificate();
    const { port } = await mailReceiver(certificate);
    const failed = channelOf(settings(port), { secret: 'wr0ng', ca }).send();
    await expect(failed).rejects.toThrow(/channel ops: Invalid login: 535/);
    await expect(failed).rejects.not.toThrow('wr0ng');
  });
});

describe('a command', () => {
  async function script(text: string): Promise<{ file: string; folder: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'announce-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'page');
    await writeFile(file, `#!/bin/sh\n${text}\n`);
    await chmod(file, 0o700);
    return { file, folder };
  }

  it('gets the event as JSON on its input, and no secret of the environment', async () => {
    const { file, folder } = await script(`cat > "$1"; env >> "$1"; echo paged`);
    const out = join(folder, 'out; rm');
    process.env['STOWAGE_EVENTS_TOKEN'] = 's3cret-token';
    onTestFinished(() => void delete process.env['STOWAGE_EVENTS_TOKEN']);
    expect(await channelOf({ command: [file, out] }).send()).toBe('exit code 0: paged');
    const [line = '', ...env] = (await readFile(out, 'utf8')).split('\n');
    expect(JSON.parse(line)).toMatchObject({ id: EVENT.id, event: 'set-damaged' });
    expect(env.join('\n')).not.toContain('s3cret-token');
  });

  it('fails with its exit code and what it said', async () => {
    const { file } = await script('echo no modem >&2; exit 3');
    await expect(channelOf({ command: [file] }).send()).rejects.toThrow(
      'channel ops: exit code 3: no modem',
    );
  });

  it('is ended when it does not end in time', async () => {
    const { file } = await script('exec sleep 60');
    await expect(channelOf({ command: [file] }, {}, 200).send()).rejects.toThrow('no answer');
  });

  it('that leaves a program in the background has ended all the same', async () => {
    const { file } = await script('sleep 20 & echo paged');
    expect(await channelOf({ command: [file] }).send()).toBe('exit code 0: paged');
  });

  it('fails when there is no such program', async () => {
    await expect(channelOf({ command: ['/nonexistent/page'] }).send()).rejects.toThrow('ENOENT');
  });
});
