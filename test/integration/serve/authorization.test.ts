import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { startServe } from '../../../functions/serve/serve.ts';
import { makeCertificates } from '../../support/servers/certificates.ts';
import { freshDeps } from '../functions/place.ts';
import { ask, basic, metricIn, post, serveOptions, serving } from './serving.ts';

const certificates = await makeCertificates();
const ours = await certificates.authority('ours');
const theirs = await certificates.authority('theirs');
const server = await ours.issue('server');
const client = await ours.issue('client');
const stranger = await theirs.issue('stranger');
afterAll(() => certificates.remove());

const event = { method: 'POST', body: '[]' };

describe('a secret', () => {
  it('lets in who presents it as a token or in the URL, and nobody else', async () => {
    const { url } = await serving(await freshDeps(), { token: 's3cret' });
    const status = async (authorization?: string) =>
      (await post(url, '[]', authorization === undefined ? {} : { authorization })).status;
    expect(await status('Bearer s3cret')).toBe(200);
    expect(await status(basic('any', 's3cret'))).toBe(200);
    for (const wrong of [undefined, 'Bearer s3cre', basic('s3cret', ''), 's3cret'])
      expect(await status(wrong)).toBe(401);
    // SNS sends the password of its URL only when it is asked for one.
    expect((await post(url, '[]')).headers.get('www-authenticate')).toMatch(/^Basic /);
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer s3cret' } });
    expect(metricIn(await metrics.text(), 'stowage_events_total{result="refused"}')).toBe(5);
  });

  it('of metrics opens the metrics and nothing else; health is for everybody', async () => {
    const { url } = await serving(await freshDeps(), { token: 's3cret', metricsToken: 'figures' });
    const authorization = 'Bearer figures';
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/metrics`, { headers: { authorization } })).status).toBe(200);
    expect((await post(url, '[]', { authorization })).status).toBe(401);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
  });
});

describe('TLS', () => {
  it('is spoken with a certificate of one’s own, and takes secrets as before', async () => {
    const { url } = await serving(await freshDeps(), { tls: server, token: 's3cret' });
    expect(url).toMatch(/^https:/);
    const headers = { authorization: 'Bearer s3cret' };
    expect((await ask(`${url}/events`, { ...event, ca: ours.cert, headers })).status).toBe(200);
    expect((await ask(`${url}/events`, { ...event, ca: ours.cert })).status).toBe(401);
    await expect(ask(`${url}/healthz`, { ca: theirs.cert })).rejects.toThrow();
  });

  it('with a client authority is for its clients only, whatever they ask', async () => {
    const { url } = await serving(await freshDeps(), { tls: { ...server, clientCa: ours.cert } });
    const ca = ours.cert;
    expect((await ask(`${url}/events`, { ...event, ca, ...client })).status).toBe(200);
    for (const path of ['/events', '/healthz', '/metrics']) {
      await expect(ask(`${url}${path}`, { ...event, ca })).rejects.toThrow();
      await expect(ask(`${url}${path}`, { ...event, ca, ...stranger })).rejects.toThrow();
    }
  });

  it('goes on with new certificates, and with the old ones when the new cannot be used', async () => {
    const running = await serving(await freshDeps(), { tls: server });
    const serial = async () => {
      const socket = connect({
        port: Number(new URL(running.url).port),
        host: '127.0.0.1',
        ca: ours.cert,
      });
      await new Promise((resolve, reject) =>
        socket.once('secureConnect', resolve).once('error', reject),
      );
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    expect(() => running.renew({ cert: server.cert, key: client.key })).toThrow(/cannot be used/);
    expect(await serial()).toBe(first);
    running.renew(await ours.issue('renewed'));
    expect(await serial()).not.toBe(first);
  });

  it('is refused with files that are no certificates, naming the fields', async () => {
    const broken = serveOptions(await freshDeps(), { tls: { cert: 'x', key: 'y' } });
    await expect(startServe(broken)).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringMatching(/tlsCert.*tlsKey/) as string,
    });
  });
});

describe('an address that others reach', () => {
  it.each(['0.0.0.0', '::', '203.0.113.7'])(
    '%s is refused without a guard, naming what would be one',
    async (host) => {
      const unguarded = startServe(serveOptions(await freshDeps(), { host }));
      await expect(unguarded).rejects.toMatchObject({
        code: 'config/invalid',
        message: expect.stringMatching(/--token-file.*--client-ca/) as string,
      });
    },
  );

  it.each([
    ['a secret', { token: 's3cret' }],
    ['client certificates', { tls: { ...server, clientCa: ours.cert } }],
  ])('is tried with %s', async (_, guard) => {
    // An address of documentation, which no machine has: it fails where an unguarded one does not get to.
    const guarded = startServe(serveOptions(await freshDeps(), { host: '203.0.113.7', ...guard }));
    await expect(guarded).rejects.toThrow(/cannot listen on 203\.0\.113\.7/);
  });
});
