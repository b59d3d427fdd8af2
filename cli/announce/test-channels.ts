import { hostname } from 'node:os';
import { StowageError, messageOf as textOf } from '../../backup-set/base/errors.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import type { Channel } from '../../functions/announce/channels/channel.ts';
import { messageOf } from '../../functions/announce/message.ts';
import type { Event } from '../../functions/observe/events.ts';
import type { ClusterContext } from '../context.ts';
import { channelsOf } from './channels.ts';

export interface ChannelTest {
  readonly channel: string;
  readonly target: string;
  readonly ok: boolean;
  readonly answer: string;
  readonly ms: number;
}

/**
 * Sends a test message through the named channels, or all, one after the other.
 * @throws StowageError `config/invalid` without channels, `usage/flag` for an unknown name.
 */
export async function testChannels(
  context: ClusterContext,
  names: readonly string[],
): Promise<ChannelTest[]> {
  const channels = await channelsOf(context);
  const known = channels.map(({ settings }) => settings.name);
  if (known.length === 0)
    throw new StowageError('config/invalid', 'announce.channels of the configuration is empty');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new StowageError(
      'usage/flag',
      `--channel ${unknown}: the channels are ${known.join(', ')}`,
    );
  const chosen = names.length === 0 ? channels : channels.filter((c) => isNamed(c, names));
  const results: ChannelTest[] = [];
  for (const channel of chosen) results.push(await testOne(context, channel));
  return results;
}

const isNamed = ({ settings }: Channel, names: readonly string[]) => names.includes(settings.name);

async function testOne(
  { config, clock, signal }: ClusterContext,
  channel: Channel,
): Promise<ChannelTest> {
  const { cluster, root } = config;
  const { settings, target } = channel;
  const startedAt = performance.now();
  const end = (ok: boolean, answer: string): ChannelTest => {
    const ms = Math.round(performance.now() - startedAt);
    return { channel: settings.name, target, ok, answer, ms };
  };
  try {
    const message = messageOf(testEvent(clock()), settings, { cluster, root });
    return end(true, await channel.send(message, signal));
  } catch (error) {
    if (signal.aborted) throw error;
    return end(false, textOf(error));
  }
}

function testEvent(at: Date): Event {
  return {
    id: `${instantOf(at)}-test`,
    name: 'test',
    at,
    title: `a test message of stowage announce test on ${hostname()}`,
    problems: [],
    problemsTotal: 0,
    stored: false,
  };
}
