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
  it('is accepted as a bearer token or in the URL, and a request without it is rejected', async () => {
    const { url } = await serving(await freshDeps(), { token: 's3cret' });
    const status = async (authorization?: string) =>
      (await post(url, '[]', authorization === undefined ? {} : { authorization })).status;
    expect(await status('Bearer s3cret')).toBe(200);
    expect(await status(basic('any', 's3cret'))).toBe(200);
    for (const wrong of [undefined, 'Bearer s3cre', basic('s3cret', ''), 's3cret'])
      expect(await status(wrong)).toBe(401);
    // SNS sends the password of its URL only after a challenge.
    expect((await post(url, '[]')).headers.get('www-authenticate')).toMatch(/^Basic /);
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer s3cret' } });
    expect(metricIn(await metrics.text(), 'stowage_events_total{result="refused"}')).toBe(5);
  });

  it('for metrics gives access to /metrics only, and /healthz needs none', async () => {
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
  it('works with the configured certificate and with secrets', async () => {
    const { url } = await serving(await freshDeps(), { tls: server, token: 's3cret' });
    expect(url).toMatch(/^https:/);
    const headers = { authorization: 'Bearer s3cret' };
    expect((await ask(`${url}/events`, { ...event, ca: ours.cert, headers })).status).toBe(200);
    expect((await ask(`${url}/events`, { ...event, ca: ours.cert })).status).toBe(401);
    await expect(ask(`${url}/healthz`, { ca: theirs.cert })).rejects.toThrow();
  });

  it('with a client authority rejects clients without its certificate on every path', async () => {
    const { url } = await serving(await freshDeps(), { tls: { ...server, clientCa: ours.cert } });
    const ca = ours.cert;
    expect((await ask(`${url}/events`, { ...event, ca, ...client })).status).toBe(200);
    for (const path of ['/events', '/healthz', '/metrics']) {
      await expect(ask(`${url}${path}`, { ...event, ca })).rejects.toThrow();
      await expect(ask(`${url}${path}`, { ...event, ca, ...stranger })).rejects.toThrow();
    }
  });

  it('uses renewed certificates, and keeps the old ones when the new ones are invalid', async () => {
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

  it('is refused with files that are not certificates, and the error names the fields', async () => {
    const broken = serveOptions(await freshDeps(), { tls: { cert: 'x', key: 'y' } });
    await expect(startServe(broken)).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringMatching(/tlsCert.*tlsKey/) as string,
    });
  });
});

describe('an address that other machines can reach', () => {
  it.each(['0.0.0.0', '::', '203.0.113.7'])(
    '%s is refused without a secret or client certificates',
    async (host) => {
      const starting = startServe(serveOptions(await freshDeps(), { host }));
      await expect(starting).rejects.toMatchObject({
        code: 'config/invalid',
        message: expect.stringMatching(/--token-file.*--client-ca/) as string,
      });
    },
  );

  it.each([
    ['a secret', { token: 's3cret' }],
    ['client certificates', { tls: { ...server, clientCa: ours.cert } }],
  ])('is accepted with %s', async (_, authentication) => {
    // No machine has this documentation address: listening fails, after the check has passed.
    const starting = startServe(
      serveOptions(await freshDeps(), { host: '203.0.113.7', ...authentication }),
    );
    await expect(starting).rejects.toThrow(/cannot listen on 203\.0\.113\.7/);
  });
});
