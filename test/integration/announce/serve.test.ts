import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openChannel } from '../../../functions/announce/channels/open.ts';
import { AnnounceSettings } from '../../../functions/announce/settings.ts';
import { startStowage, writeConfig } from '../../support/cli.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { freshDeps, keysOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { eventsOf, post, serving } from '../serve/serving.ts';
import { webhookReceiver } from './receivers.ts';

const ALL = ['info', 'warning', 'critical'];

function announceTo(url: string) {
  const { channels } = AnnounceSettings.parse({
    channels: [{ name: 'ops', webhook: { url }, events: ALL }],
  });
  const context = { env: {}, clock: () => new Date() };
  return { cluster: 'main', channels: channels.map((each) => openChannel(each, {}, context)) };
}

async function configOf(root: string, announce: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'announce-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const segments = [{ content: 0, host: '127.0.0.1' }];
  const config = { root, database: 'shop', segments, announce };
  return writeConfig(join(folder, 'stowage.yaml'), config);
}

describe('serve', () => {
  it('announces a set that a notification completes, and logs one line for it and none per document', async () => {
    const deps = await freshDeps();
    const { url: hook, received } = await webhookReceiver();
    const lines: string[] = [];
    const log = pino({ base: null }, { write: (text: string) => void lines.push(text) });
    const { url } = await serving(deps, {
      announce: announceTo(hook),
      log,
      functionsLog: log.child({}, { level: 'error' }),
    });
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const said = () => lines.map((line) => JSON.parse(line) as { event?: string; msg: string });
    await post(url, eventsOf([set.seal.key]));
    await waitUntil(() => received.length > 0);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      event: 'set-complete',
      set: set.timestamp,
    });
    const events = said().filter(({ event }) => event !== undefined);
    expect(events.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(`^set ${set.timestamp} is complete: 3 tables, `),
    ]);
    expect(said().length).toBeLessThanOrEqual(3);
    expect(said()[0]?.msg).toMatch(/^started stowage .* for file:.*announcements \(ops\)$/);
  });

  it('tells of the sets that a sweep finds, where no notification comes', async () => {
    const deps = await freshDeps();
    const { url: hook, received } = await webhookReceiver();
    await serving(deps, { announce: announceTo(hook), sweepIntervalMs: 50 });
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    await waitUntil(() => received.length > 0);
    expect(received[0]?.body).toContain('"event":"set-complete"');
  });
});

describe('the command line', () => {
  it('sends a test message through each channel, and exits with 4 when one refuses it', async () => {
    const deps = await freshDeps();
    const good = await webhookReceiver();
    const bad = await webhookReceiver(() => 500);
    const config = await configOf(deps.store.url, {
      channels: [
        { name: 'good', webhook: { url: good.url } },
        { name: 'bad', webhook: { url: bad.url } },
      ],
    });
    const env = { STOWAGE_ANNOUNCE_SECRET_GOOD: 's3cret' };
    const all = startStowage(['announce', 'test'], { config, env });
    const { code, json } = await all.ended;
    expect(code).toBe(4);
    expect(json).toMatchObject({
      channels: [
        { channel: 'good', ok: true, answer: 'HTTP 204' },
        { channel: 'bad', ok: false, answer: 'channel bad: HTTP 500: not now, s3cret' },
      ],
    });
    expect(good.received[0]?.headers['stowage-signature']).toMatch(/^t=\d+,v1=/);
    expect(bad.received[0]?.headers['stowage-signature']).toBeUndefined();
    expect(await keysOf(deps.store)).toEqual([]);
  });

  it('announces what a sweep from a timer finds, and exits with 3 while a channel refuses it', async () => {
    const deps = await freshDeps();
    const { url, received } = await webhookReceiver((nth) => (nth === 1 ? 204 : 500));
    const config = await configOf(deps.store.url, {
      channels: [{ name: 'ops', webhook: { url }, events: ALL }],
    });
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const first = await startStowage(['sweep'], { config }).ended;
    expect(first.json).toMatchObject({
      announcements: [{ channel: 'ops', result: 'sent', answer: 'HTTP 204' }],
    });
    expect(first.code).toBe(0);
    const other = await storeObjects(deps.store, { timestamp: '20260131020203' });
    await storeAll(deps.store, documentsOf(other));
    const second = await startStowage(['sweep'], { config }).ended;
    expect(second.code).toBe(3);
    expect(second.json).toMatchObject({
      announcements: [{ channel: 'ops', result: 'retried' }],
    });
    expect(received).toHaveLength(2);
  });
});
