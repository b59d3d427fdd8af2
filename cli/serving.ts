import { readFile } from 'node:fs/promises';
import { messageOf, StowageError } from '../backup-set/base/errors.ts';
import type { Tls } from '../functions/serve/listen.ts';
import type { Config } from './config/schema.ts';
import type { ClusterContext } from './context.ts';

type ServeConfig = Config['serve'];

/** What `serve` asks of those who send events or read metrics: from the environment, else from a file. */
export async function secretsOf({ config, env }: ClusterContext): Promise<{
  readonly token?: string;
  readonly metricsToken?: string;
}> {
  const { tokenFile, metricsTokenFile } = config.serve;
  const token = env['STOWAGE_EVENTS_TOKEN'] || (await secretIn(tokenFile, 'serve.tokenFile'));
  const metricsToken =
    env['STOWAGE_METRICS_TOKEN'] || (await secretIn(metricsTokenFile, 'serve.metricsTokenFile'));
  return {
    ...(token === undefined ? {} : { token }),
    ...(metricsToken === undefined ? {} : { metricsToken }),
  };
}

/** The certificates as the files hold them now; undefined without TLS. */
export async function tlsOf({ tlsCert, tlsKey, clientCa }: ServeConfig): Promise<Tls | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const [cert, key] = [
    await textOf(tlsCert, 'serve.tlsCert'),
    await textOf(tlsKey, 'serve.tlsKey'),
  ];
  return {
    cert,
    key,
    ...(clientCa === undefined ? {} : { clientCa: await textOf(clientCa, 'serve.clientCa') }),
  };
}

/** The first file descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_FD = 3;

/** The socket that systemd listens on for us, also while we are away; undefined when it does not. */
export function activatedSocket(env: ClusterContext['env'], pid: number): number | undefined {
  // The variables are inherited: what stands there may be meant for the process that started us.
  if (env['LISTEN_PID'] !== String(pid)) return undefined;
  return Number(env['LISTEN_FDS'] ?? '0') > 0 ? FIRST_FD : undefined;
}

async function secretIn(path: string | undefined, field: string): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const secret = (await textOf(path, field)).trim();
  // An empty secret would be presented by everybody.
  if (secret === '')
    throw new StowageError('config/invalid', `${field}: ${path} is empty`, { where: { field } });
  return secret;
}

async function textOf(path: string, field: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new StowageError('config/invalid', `${field}: ${messageOf(cause)}`, {
      cause,
      where: { field },
    });
  }
}
