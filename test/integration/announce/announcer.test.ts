import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { TRIES_MAX } from '../../../backup-set/base/keys/ledger-keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { announcer } from '../../../functions/announce/announcer.ts';
import type { Channel } from '../../../functions/announce/channels/channel.ts';
import { openChannel } from '../../../functions/announce/channels/open.ts';
import { AnnounceSettings, eventsOfChannel } from '../../../functions/announce/settings.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import type { Event } from '../../../functions/observe/events.ts';
import { observer } from '../../../functions/observe/observer.ts';
import { fileOf, freshDeps, keysOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { webhookReceiver } from './receivers.ts';

const ORIGIN = { cluster: 'shop', root: 'file:///backup' };
const HOUR_MS = 3600_000;

/** The channel `ops`, which wants all events. */
function channelTo(url: string) {
  const events = ['info', 'warning', 'critical'];
  const { channels } = AnnounceSettings.parse({
    channels: [{ name: 'ops', webhook: { url }, events }],
  });
  const context = { env: {}, clock: () => new Date() };
  return channels.map((settings) => openChannel(settings, {}, context));
}

/** A channel named `name` that records what it is given, and answers as `answer` says. */
function recorder(name: string, answer: (nth: number) => Promise<string>) {
  const { channels } = AnnounceSettings.parse({
    channels: [{ name, webhook: { url: 'http://x/' }, events: ['info', 'warning', 'critical'] }],
  });
  const got: string[] = [];
  const opened = channels.map(
    (settings): Channel => ({
      settings,
      target: name,
      events: eventsOfChannel(settings),
      send: ({ id }) => answer(got.push(id)),
    }),
  );
  return { got, channels: opened };
}

const eventAt = (at: Date, nth: number): Event => ({
  id: `${instantOf(at)}-set-damaged-${nth}`,
  name: 'set-damaged',
  at,
  title: 'damaged',
  problems: [],
  problemsTotal: 0,
  stored: true,
});

/** A committed set, and damage that a second check has found. */
async function damagedSet(deps: Deps) {
  const set = await storeObjects(deps.store);
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, set.timestamp);
  await validate(deps, set.timestamp);
  const [pack = ''] = (await keysOf(deps.store, 'sets/')).filter((key) => key.endsWith('.pack'));
  await rm(fileOf(deps.store, pack));
  await validate(deps, set.timestamp);
  return set.timestamp;
}

const idsOf = (received: readonly { body: string }[]) =>
  received.map(({ body }) => (JSON.parse(body) as { event: string }).event);

describe('announcements', () => {
  it('are sent once per event by two servers that see it at the same time', async () => {
    const deps = await freshDeps();
    const { url, received } = await webhookReceiver();
    const servers = [0, 1].map(() => announcer(deps, channelTo(url), ORIGIN));
    const timestamp = await damagedSet(deps);
    const { events } = await observer(deps).look();
    const outcomes = await Promise.all(servers.map((server) => server.announce(events)));
    expect(outcomes.flat().map(({ result }) => result)).toEqual(['sent', 'sent']);
    expect(idsOf(received).toSorted()).toEqual(['set-complete', 'set-damaged']);
    expect(received.map(({ body }) => body).join('')).toContain(`"set":"${timestamp}"`);
    // A server that starts later knows from the bucket what was sent.
    const third = announcer(deps, channelTo(url), ORIGIN);
    expect(await third.announce(events)).toEqual([]);
    expect(received).toHaveLength(2);
  });

  it('say nothing of what happened before the channel was first used', async () => {
    const deps = await freshDeps();
    const { url, received } = await webhookReceiver();
    await damagedSet(deps);
    const { events } = await observer(deps).look();
    expect(events).toHaveLength(2);
    const store = { ...deps.store, now: async () => new Date(Date.now() + 1000) };
    expect(await announcer({ ...deps, store }, channelTo(url), ORIGIN).announce(events)).toEqual(
      [],
    );
    expect(received).toEqual([]);
  });

  it('are tried again when they are due, by any server, and given up after the last try', async () => {
    const deps = await freshDeps();
    const { url, received } = await webhookReceiver(() => 500);
    const first = announcer(deps, channelTo(url), ORIGIN);
    await damagedSet(deps);
    const { events } = await observer(deps).look();
    const damage = events.filter(({ name }) => name === 'set-damaged');
    const results: string[] = [];
    for (const { result } of await first.announce(damage)) results.push(result);
    expect(await first.announce(damage)).toEqual([]);
    for (let hours = 1; hours < 12; hours++) {
      const store = { ...deps.store, now: async () => new Date(Date.now() + hours * 5 * HOUR_MS) };
      const other = announcer({ ...deps, store }, channelTo(url), ORIGIN);
      for (const { result } of await other.announce(damage)) results.push(result);
    }
    expect(results).toEqual([...Array<string>(TRIES_MAX - 1).fill('retried'), 'failed']);
    expect(received).toHaveLength(TRIES_MAX);
    const names = (await keysOf(deps.store, 'announcements/2')).map((key) => key.split('/').at(-1));
    expect(names).toEqual([...[1, 2, 3, 4, 5, 6].map((n) => `${n}.json`), 'failed.json']);
  });

  it('are sent through a channel while another one gives no answer', async () => {
    const deps = await freshDeps();
    const sent = Promise.withResolvers<undefined>();
    const first = recorder('slow', async () => {
      await sent.promise;
      throw new Error('too late');
    });
    const second = recorder('quick', async () => {
      sent.resolve(undefined);
      return 'ok';
    });
    const server = announcer(deps, [...first.channels, ...second.channels], ORIGIN);
    const outcomes = await server.announce([eventAt(new Date(Date.now() + 1000), 1)]);
    expect(outcomes.map(({ channel, result }) => `${channel} ${result}`)).toEqual([
      'slow retried',
      'quick sent',
    ]);
  });

  it('of a channel that fails are left for later after three in a row', async () => {
    const deps = await freshDeps();
    const { channels, got } = recorder('down', () => Promise.reject(new Error('away')));
    const events = [1, 2, 3, 4, 5].map((nth) => eventAt(new Date(Date.now() + 1000), nth));
    const server = announcer(deps, channels, ORIGIN);
    expect(await server.announce(events)).toHaveLength(3);
    expect(await server.announce(events)).toHaveLength(2);
    expect(new Set(got).size).toBe(5);
  });

  it('that were accepted are not sent again when the ledger could not be written', async () => {
    const deps = await freshDeps();
    const { channels, got } = recorder('ops', async () => 'ok');
    let refuses = true;
    const store: Deps['store'] = {
      ...deps.store,
      create(key, ...rest) {
        if (refuses && key.endsWith('/sent.json')) return Promise.reject(new Error('no network'));
        return deps.store.create(key, ...rest);
      },
    };
    const server = announcer({ ...deps, store }, channels, ORIGIN);
    const events = [eventAt(new Date(Date.now() + 1000), 1)];
    expect(await server.announce(events)).toMatchObject([{ result: 'sent' }]);
    expect(server.waiting()).toBe(1);
    refuses = false;
    expect(await server.announce(events)).toEqual([]);
    expect(server.waiting()).toBe(0);
    expect(got).toHaveLength(1);
    const keys = await keysOf(deps.store, 'announcements/2');
    expect(keys.filter((key) => key.endsWith('/sent.json'))).toHaveLength(1);
  });

  it('of what is past are not waited for any more', async () => {
    const deps = await freshDeps();
    const { channels } = recorder('down', () => Promise.reject(new Error('away')));
    const server = announcer(deps, channels, ORIGIN);
    await server.announce([eventAt(new Date(Date.now() + 1000), 1)]);
    expect(server.waiting()).toBe(1);
    await server.announce([]);
    expect(server.waiting()).toBe(0);
  });

  it('of a new channel begin at the time of the store, when the clock of its host is ahead', async () => {
    const deps = await freshDeps();
    const { channels, got } = recorder('ops', async () => 'ok');
    const ahead = { ...deps, clock: () => new Date(Date.now() + HOUR_MS) };
    await announcer(ahead, channels, ORIGIN).announce([eventAt(new Date(Date.now() + 1000), 1)]);
    expect(got).toHaveLength(1);
  });

  it('tell of a database whose newest complete set is too old, once per set', async () => {
    const deps = await freshDeps();
    const { url, received } = await webhookReceiver();
    const server = announcer(deps, channelTo(url), ORIGIN);
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    await stitch(deps, set.timestamp);
    await validate(deps, set.timestamp);
    for (let looks = 0; looks < 2; looks++) {
      const { events } = await observer(deps, { overdueAfterMs: 26 * HOUR_MS }).look();
      await server.announce(events.filter(({ name }) => name === 'backup-overdue'));
    }
    expect(idsOf(received)).toEqual(['backup-overdue']);
  });
});
