import { expect, test } from 'vitest';
import { proxyFor, type Target } from './proxy-for.ts';

const at = (url: string): Target => {
  const { protocol, hostname, port } = new URL(url);
  return { protocol, host: hostname, port: Number(port) || (protocol === 'http:' ? 80 : 443) };
};
const HTTPS = 'https://s3.example.org';
const PROXY = { HTTPS_PROXY: 'http://proxy:3128', HTTP_PROXY: 'http://plain:8080' };

test.each([
  ['https', HTTPS, PROXY, { protocol: 'http:', host: 'proxy', port: 3128 }],
  ['http', 'http://s3.example.org', PROXY, { protocol: 'http:', host: 'plain', port: 8080 }],
  ['no variable', HTTPS, {}, undefined],
  ['an empty variable', HTTPS, { HTTPS_PROXY: '' }, undefined],
  [
    'the lower-case name first',
    HTTPS,
    { ...PROXY, https_proxy: 'low:1' },
    { host: 'low', port: 1 },
  ],
  ['ALL_PROXY', HTTPS, { ALL_PROXY: 'all:1' }, { host: 'all', port: 1 }],
  ['a host without a port', HTTPS, { HTTPS_PROXY: 'proxy' }, { host: 'proxy', port: 80 }],
  [
    'a proxy behind TLS',
    HTTPS,
    { HTTPS_PROXY: 'https://proxy' },
    { protocol: 'https:', port: 443 },
  ],
  ['an IPv6 proxy', HTTPS, { HTTPS_PROXY: 'http://[::1]:3128' }, { host: '::1', port: 3128 }],
])('the proxy follows from the environment: %s', (_, url, env, expected) => {
  const proxy = proxyFor(env, at(url));
  if (expected === undefined) expect(proxy).toBeUndefined();
  else expect(proxy).toMatchObject(expected);
});

test('user and password become a header, decoded', () => {
  const env = { HTTPS_PROXY: 'http://me:p%40ss@proxy:3128' };
  const authorization = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  expect(proxyFor(env, at(HTTPS))).toEqual({
    protocol: 'http:',
    host: 'proxy',
    port: 3128,
    authorization,
  });
});

test.each(['socks5://me:secret@proxy:1080', 'http://me:secret@:0:0'])(
  'a variable that names no HTTP proxy is rejected by its name, without the secret (%#)',
  (value) => {
    const parse = () => proxyFor({ HTTPS_PROXY: value }, at(HTTPS));
    expect(parse).toThrow(/environment variable HTTPS_PROXY/);
    expect(parse).not.toThrow(/secret/);
  },
);

test.each([
  ['s3.example.org', HTTPS],
  ['example.org', HTTPS],
  ['.example.org', HTTPS],
  ['*.example.org', HTTPS],
  ['EXAMPLE.org.', HTTPS],
  ['other,example.org', HTTPS],
  ['other example.org', HTTPS],
  ['example.org:443', HTTPS],
  ['*', HTTPS],
  ['10.1.2.3', 'https://10.1.2.3'],
  ['10.0.0.0/8', 'https://10.1.2.3:9000'],
  ['10.1.2.3:9000', 'https://10.1.2.3:9000'],
  ['::1', 'https://[::1]:9000'],
  ['[::1]:9000', 'https://[::1]:9000'],
  ['fd00::/8', 'https://[fd00::1]'],
])('NO_PROXY=%s excepts %s', (list, url) => {
  expect(proxyFor({ ...PROXY, NO_PROXY: list }, at(url))).toBeUndefined();
});

test.each([
  ['ample.org', HTTPS],
  ['xs3.example.org', HTTPS],
  ['example.org:8443', HTTPS],
  ['10.1.2.3', 'https://10.1.2.30'],
  ['10.0.0.0/99', 'https://10.1.2.3'],
  ['10.0.0.0/8', 'https://11.1.2.3'],
  ['', HTTPS],
  [',', HTTPS],
])('NO_PROXY=%s does not except %s', (list, url) => {
  expect(proxyFor({ ...PROXY, NO_PROXY: list }, at(url))).toBeDefined();
});

test('no_proxy in lower case comes first', () => {
  const env = { ...PROXY, NO_PROXY: '*', no_proxy: 'elsewhere' };
  expect(proxyFor(env, at(HTTPS))).toBeDefined();
});
