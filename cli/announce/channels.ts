import type { Channel, ChannelSecrets } from '../../functions/announce/channels/channel.ts';
import { openChannel } from '../../functions/announce/channels/open.ts';
import type { ChannelSettings } from '../../functions/announce/settings.ts';
import type { ClusterContext } from '../context.ts';
import { secretIn, textOf } from '../serve-settings.ts';

/** `STOWAGE_ANNOUNCE_SECRET_OPS` is the secret of the channel `ops`. */
export const secretVariable = (channel: string) =>
  `STOWAGE_ANNOUNCE_SECRET_${channel.toUpperCase()}`;

/**
 * The configured channels, each with its secret from the environment, else from its file.
 * @throws StowageError `config/invalid` when a file cannot be read, or is empty.
 */
export async function channelsOf(context: ClusterContext): Promise<Channel[]> {
  const { config, env, clock } = context;
  const channels: Channel[] = [];
  for (const [at, settings] of config.announce.channels.entries()) {
    const field = `announce.channels[${at}]`;
    channels.push(openChannel(settings, await secretsOf(settings, env, field), { env, clock }));
  }
  return channels;
}

async function secretsOf(
  { name, secretFile, webhook, mail }: ChannelSettings,
  env: ClusterContext['env'],
  field: string,
): Promise<ChannelSecrets> {
  const { caFile } = mail ?? {};
  return {
    secret: env[secretVariable(name)] || (await secretIn(secretFile, `${field}.secretFile`)),
    url: await secretIn(webhook?.urlFile, `${field}.webhook.urlFile`),
    ca: caFile === undefined ? undefined : await textOf(caFile, `${field}.mail.caFile`),
  };
}

/** What `serve` and `sweep` announce with; undefined without channels. */
export async function announceOptions(context: ClusterContext) {
  const { announce, cluster } = context.config;
  if (announce.channels.length === 0) return undefined;
  const hours = announce.overdueHours;
  return {
    channels: await channelsOf(context),
    cluster,
    overdueAfterMs: hours === undefined ? undefined : hours * 3600_000,
  };
}
