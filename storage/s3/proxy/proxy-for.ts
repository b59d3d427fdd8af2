import { BlockList, isIP } from 'node:net';
import { StowageError } from '../../../backup-set/base/errors.ts';

/** An HTTP proxy. Its user and password are in `authorization` only, never in a message. */
export interface HttpProxy {
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly port: number;
  /** The value of Proxy-Authorization. */
  readonly authorization?: string;
}

/** Where a request goes. */
export interface Target {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const PROXIES: Readonly<Record<string, readonly string[]>> = {
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
  'http:': ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
};

/**
 * The proxy for a request, by the variables and the rules of libcurl.
 * @throws StowageError `config/invalid` naming the variable, and not its value.
 */
export function proxyFor(env: Environment, target: Target): HttpProxy | undefined {
  const variable = PROXIES[target.protocol]?.find((name) => (env[name] ?? '') !== '');
  if (variable === undefined) return undefined;
  if (isExcepted(env['no_proxy'] ?? env['NO_PROXY'] ?? '', target)) return undefined;
  return parseProxy(variable, env[variable] ?? '');
}

function parseProxy(variable: string, text: string): HttpProxy {
  // libcurl takes a host and port without a protocol, too.
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null) throw invalid(variable, 'is not a URL such as http://proxy.example.org:3128');
  const { protocol, username, password } = url;
  if (protocol !== 'http:' && protocol !== 'https:')
    throw invalid(variable, `names a ${protocol}// proxy; only http:// and https:// are supported`);
  const secret = [username, password].map(decodeURIComponent).join(':');
  return {
    protocol,
    host: unbracketed(url.hostname),
    port: Number(url.port) || (protocol === 'http:' ? 80 : 443),
    ...((username !== '' || password !== '') && {
      authorization: `Basic ${Buffer.from(secret).toString('base64')}`,
    }),
  };
}

function invalid(variable: string, what: string): StowageError {
  return new StowageError('config/invalid', `the environment variable ${variable} ${what}`, {
    where: { field: variable },
  });
}

/**
 * NO_PROXY: names with all names below them, addresses, and ranges of addresses, each with or
 * without a port; `*` excepts everything.
 */
function isExcepted(list: string, { host, port }: Target): boolean {
  const name = unbracketed(host).toLowerCase().replace(/\.$/, '');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || matches(entry, name, port));
}

function matches(entry: string, name: string, port: number): boolean {
  const isBare = isIP(entry) !== 0;
  const [, given = '', givenPort] = isBare
    ? [entry, entry]
    : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  if (givenPort !== undefined && Number(givenPort) !== port) return false;
  const pattern = unbracketed(given)
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  if (isIP(name) === 0) return name === pattern || name.endsWith(`.${pattern}`);
  return inRange(pattern, name);
}

function inRange(pattern: string, address: string): boolean {
  const [network = '', bits] = pattern.split('/');
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  if (isIP(network) !== isIP(address)) return false;
  const list = new BlockList();
  const length = Number(bits ?? (family === 'ipv4' ? 32 : 128));
  if (!Number.isInteger(length) || length > (family === 'ipv4' ? 32 : 128)) return false;
  list.addSubnet(network, length, family);
  return list.check(address, family);
}

const unbracketed = (host: string) => host.replace(/^\[(.*)\]$/, '$1');
