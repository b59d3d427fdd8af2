import { expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { listCommand } from '../../../cli/list/command.ts';
import { runRequests } from '../../../cli/requests/runner.ts';
import type { Entry } from '../../../cli/schedule/entries.ts';
import { runDueOnce } from '../../../cli/schedule/runner.ts';
import { announcer } from '../../../functions/announce/announcer.ts';
import type { Channel } from '../../../functions/announce/channels/channel.ts';
import { AnnounceSettings, eventsOfChannel } from '../../../functions/announce/settings.ts';
import type { Event } from '../../../functions/observe/events.ts';
import { isProven } from '../../../functions/requests/proof.ts';
import { createRequest, startRequest } from '../../../functions/requests/requests.ts';
import { acquireLease } from '../../../functions/schedule/hold-lease.ts';
import { SLOT_MS, slotOf } from '../../../functions/schedule/lease.ts';
import { createStart } from '../../../functions/schedule/runs.ts';
import { NEWEST, type World, world } from './world.ts';

/** Announcements, the schedule and requests of the console beside an object that is withheld. */

function channel(name: string) {
  const wanted = { channels: [{ name, webhook: { url: 'http://x/' }, events: ['critical'] }] };
  const [settings] = AnnounceSettings.parse(wanted).channels;
  if (settings === undefined) throw new Error('no channel');
  const got: string[] = [];
  const send: Channel['send'] = async ({ id }) => String(got.push(id));
  const events = eventsOfChannel(settings);
  return { got, channel: { settings, target: name, events, send } satisfies Channel };
}

const eventAt = (at: Date, nth: number): Event => ({
  ...{ id: `${instantOf(at)}-set-damaged-${nth}`, name: 'set-damaged', at, title: 'damaged' },
  ...{ problems: [], problemsTotal: 0, stored: true },
});

test('a channel whose first use is withheld or malformed announces from now on, as the others', async () => {
  const at = await world([]);
  const [one, two, three] = [channel('one'), channel('two'), channel('three')];
  const soon = (nth: number) => eventAt(new Date(Date.now() + 60_000), nth);
  const channels = [one.channel, two.channel, three.channel];
  const origin = { cluster: 'a', root: 'b' };
  await announcer(at.deps, channels, origin).announce([]);
  const useOf = (name: string) => formatKey({ kind: 'announcement-channel', channel: name });
  at.withhold(useOf('one'));
  at.plant(useOf('two'), 'not JSON');
  const server = announcer(at.deps, channels, origin);
  const outcomes = await server.announce([soon(1)]);
  expect(outcomes.map(({ channel: name, result }) => `${name} ${result}`)).toEqual([
    'one sent',
    'two sent',
    'three sent',
  ]);
  await server.announce([soon(1)]);
  expect(at.logged.filter((line) => line.includes(useOf('one')))).toHaveLength(1);
  expect(at.logged.filter((line) => line.includes(useOf('two')))).toHaveLength(1);
});

test('an event whose ledger cannot be written keeps the later events of its channel from no message', async () => {
  const at = await world([]);
  const { got, channel: one } = channel('one');
  const [first, second] = [1, 2].map((nth) => eventAt(new Date(Date.now() + 60_000), nth));
  const events = [first, second].filter((event) => event !== undefined);
  const refused = ({ method, url }: { method: string; url: string }) =>
    method === 'PUT' && url.includes(first?.id ?? '');
  at.strict.refuse('AccessDenied', { when: refused, times: Number.POSITIVE_INFINITY });
  const server = announcer(at.deps, [one], { cluster: 'a', root: 'b' });
  for (let pass = 0; pass < 3; pass += 1) await server.announce(events);
  expect(got).toEqual([second?.id]);
  expect(server.waiting()).toBe(1);
  expect(at.logged.filter((line) => line.includes(first?.id ?? ''))).toHaveLength(1);
});

const entry = (name: string): Entry => ({
  ...{ name, job: 'backup', args: [name], cron: '0 2 * * *', timeZone: 'UTC', jitterMs: 0 },
  ...{ catchUpMs: 86_400_000, timeoutMs: 60_000 },
});

/** The newest 02:00 UTC that has passed. */
function lastTwo(): Date {
  const day = new Date();
  day.setUTCHours(2, 0, 0, 0);
  return day.getTime() > Date.now() ? new Date(day.getTime() - 86_400_000) : day;
}

const started = (at: World, name: string, instant: Date) =>
  createStart(at.deps, {
    ...{ format: 'stowage/schedule-start', version: 1, entry: name, by: 'a', holder: 'a' },
    ...{ scheduledAt: instant.toISOString(), startedAt: instant.toISOString(), args: [] },
    timeoutSeconds: 60,
  });

test('a run whose start is withheld keeps no other entry of the schedule from its run', async () => {
  const at = await world([]);
  const before = new Date(lastTwo().getTime() - 86_400_000);
  for (const name of ['one', 'two']) await started(at, name, before);
  // Another runner takes it after this one has listed the runs.
  const start = { kind: 'schedule-run', entry: 'one', file: 'start' } as const;
  const key = formatKey({ ...start, instant: instantOf(lastTwo()) });
  const ran: string[] = [];
  const silent = { onStarted() {}, onEnded() {}, onWaiting() {}, onTrouble() {} };
  const { store } = at.deps;
  let isTaken = false;
  const head: typeof store.head = async (asked, options) => {
    if (asked === key && !isTaken) {
      isTaken = true;
      await started(at, 'one', lastTwo());
      at.withhold(key);
    }
    return store.head(asked, options);
  };
  await runDueOnce({
    ...{ deps: { ...at.deps, store: { ...store, head } }, events: silent, holder: 'me' },
    entries: [entry('one'), entry('two')],
    runChild: async (args) => {
      ran.push(args.join(' '));
      return { exitCode: 0 };
    },
    stopped: new AbortController().signal,
  });
  expect(ran).toEqual(['two']);
});

test('a lease that is withheld belongs to another program', async () => {
  const at = await world([]);
  const now = (await at.deps.store.now()).getTime();
  const instants = [0, SLOT_MS].map((ms) => instantOf(new Date(slotOf(now, SLOT_MS) + ms)));
  const keys = instants.map((instant) => formatKey({ kind: 'lease', name: 'schedule', instant }));
  for (const key of keys) at.plant(key, '{}');
  at.withhold(...keys);
  const terms = { name: 'schedule', holder: 'me', slotMs: SLOT_MS } as const;
  expect(await acquireLease(at.deps, terms)).toMatchObject({
    ok: false,
    other: { holder: 'unknown' },
  });
});

const TOKEN = 'f00dfeed'.repeat(8);

async function ask(at: World) {
  const choice = { timestamp: NEWEST, manifestSha256: '0'.repeat(64), target: 'copy' } as const;
  const rest = { mode: 'create', tables: [], parts: 'all', flags: [] } as const;
  const wanted = {
    choice: { ...choice, ...rest, tables: [], flags: [] },
    by: 'anna',
    token: TOKEN,
  };
  return createRequest(at.deps, { ...wanted, expireMs: 3_600_000 });
}

test('serve carries out a request beside a withheld one, and none that may have been taken', async () => {
  const at = await world([]);
  const [hidden, taken, sound] = [await ask(at), await ask(at), await ask(at)];
  await startRequest(at.deps, { asked: taken, token: TOKEN }, 'another');
  const keyOf = (kind: 'asked-restore' | 'asked-restore-start', restore: string) =>
    formatKey({ kind, restore });
  at.withhold(keyOf('asked-restore', hidden.id));
  at.plant(keyOf('asked-restore-start', taken.id), 'not JSON');
  const stopping = new AbortController();
  const ran: string[] = [];
  const target = { name: 'copy', databases: ['places'], modes: ['create'] as const };
  const look = runRequests({
    deps: at.deps,
    settings: { token: TOKEN, expireHours: 1, targets: [{ ...target, run: 'serve' }] },
    runChild: async (args) => {
      ran.push(args[2] ?? '');
      stopping.abort();
      return { exitCode: 0 };
    },
    stopped: stopping.signal,
    events: { onStarted() {}, onEnded() {}, onTaken() {}, onTrouble: () => stopping.abort() },
    lookMs: 10,
  });
  await look;
  expect(isProven(sound, TOKEN)).toBe(true);
  expect(ran).toEqual([sound.id]);
  at.strict.rules.withheld = undefined;
  at.withhold(keyOf('asked-restore', hidden.id));
  const { code, text, json } = await at.run(listCommand, {}, ['requests']);
  const states = (json['requests'] as { id: string; state: string }[]).map(({ id, state }) => [
    id,
    state,
  ]);
  expect(Object.fromEntries(states)).toMatchObject({
    [hidden.id]: 'unreadable',
    [taken.id]: 'unreadable',
  });
  expect(text).toContain(keyOf('asked-restore', hidden.id));
  expect(text).toContain(keyOf('asked-restore-start', taken.id));
  expect(code).toBe(3);
});
