import { readFile } from 'node:fs/promises';
import { messageOf, StowageError } from '../backup-set/base/errors.ts';
import type { Tls } from '../functions/serve/listen.ts';
import type { Config } from './config/schema.ts';
import type { ClusterContext } from './context.ts';

type ServeConfig = Config['serve'];

/** The secrets of `serve`, each from the environment, else from its file. */
export async function secretsOf({ config, env }: ClusterContext): Promise<{
  readonly token?: string;
  readonly metricsToken?: string;
  readonly consoleToken?: string;
}> {
  const { tokenFile, metricsTokenFile } = config.serve;
  const consoleToken =
    env['STOWAGE_CONSOLE_TOKEN'] ||
    (await secretIn(config.console?.tokenFile, 'console.tokenFile'));
  const token = env['STOWAGE_EVENTS_TOKEN'] || (await secretIn(tokenFile, 'serve.tokenFile'));
  const metricsToken =
    env['STOWAGE_METRICS_TOKEN'] || (await secretIn(metricsTokenFile, 'serve.metricsTokenFile'));
  return {
    ...(token === undefined ? {} : { token }),
    ...(metricsToken === undefined ? {} : { metricsToken }),
    ...(consoleToken === undefined ? {} : { consoleToken }),
  };
}

/** Certificate, key and CA as the files hold them now; undefined without TLS. */
export async function tlsOf({ tlsCert, tlsKey, clientCa }: ServeConfig): Promise<Tls | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const cert = await textOf(tlsCert, 'serve.tlsCert');
  const key = await textOf(tlsKey, 'serve.tlsKey');
  if (clientCa === undefined) return { cert, key };
  return { cert, key, clientCa: await textOf(clientCa, 'serve.clientCa') };
}

/** The first file descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_FD = 3;

/**
 * The socket on which systemd listens for this service, also during a restart; undefined without
 * one.
 */
export function activatedSocket(env: ClusterContext['env'], pid: number): number | undefined {
  // The variables are inherited: they may be meant for the parent process.
  if (env['LISTEN_PID'] !== String(pid)) return undefined;
  return Number(env['LISTEN_FDS'] ?? '0') > 0 ? FIRST_FD : undefined;
}

/** The trimmed text of a file that a field names; undefined without one. */
export async function secretIn(
  path: string | undefined,
  field: string,
): Promise<string | undefined> {
  return path === undefined ? undefined : (await textOf(path, field)).trim();
}

/** An empty file is refused: an empty secret lets every client in, an empty certificate none. */
export async function textOf(path: string, field: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StowageError(
      'config/invalid',
      `${field}: cannot read the file: ${messageOf(cause)}`,
      {
        cause,
        where: { field },
      },
    );
  }
  if (text.trim() === '')
    throw new StowageError('config/invalid', `${field}: ${path} is empty`, { where: { field } });
  return text;
}
