import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { exitOf, terminate } from '../../../async/child-process.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import { openChannel } from '../../../functions/announce/channels/open.ts';
import { AnnounceSettings } from '../../../functions/announce/settings.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { freshDeps } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { serving } from '../serve/serving.ts';

const isAbsent = spawnSync('prometheus', ['--version']).error !== undefined;

const RULES = fileURLToPath(
  new URL('../../../infra/prometheus/stowage.rules.yml', import.meta.url),
);
const DASHBOARD = new URL('../../../infra/grafana/stowage.json', import.meta.url);

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
}
interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: { expr: string }[] }[];
}

/** What Grafana puts into the place of its variables when everything is chosen. */
const withVariables = (expr: string) =>
  expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(cluster|database|instance|job)/g, '.*');

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A Prometheus that scrapes one server with the rules of infra/. @returns its address. */
async function startPrometheus(target: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const config = join(folder, 'prometheus.yml');
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: '250ms', scrape_timeout: '250ms', evaluation_interval: '1s' },
      rule_files: [RULES],
      scrape_configs: [{ job_name: 'stowage', static_configs: [{ targets: [target] }] }],
    }),
  );
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = exitOf(child);
  onTestFinished(async () => {
    await terminate(child, 5_000);
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  return `http://127.0.0.1:${port}`;
}

async function query(prometheus: string, expr: string): Promise<{ value?: [number, string] }[]> {
  const url = `${prometheus}/api/v1/query?query=${encodeURIComponent(expr)}`;
  const response = await fetch(url);
  const answer = (await response.json()) as { status: string; error?: string; data: never };
  expect(answer.status, `${expr}: ${answer.error}`).toBe('success');
  return (answer.data as { result: { value?: [number, string] }[] }).result;
}

describe.skipIf(isAbsent)('a real Prometheus that scrapes a real server', () => {
  it('evaluates every expression of the alerts and of the dashboard, and finds all their metrics', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const { channels } = AnnounceSettings.parse({
      channels: [{ name: 'ops', command: ['true'] }],
    });
    const context = { env: process.env, clock: () => new Date() };
    const { url } = await serving(deps, {
      sweepIntervalMs: 200,
      retention: RetentionRules.parse({ keepLast: 1 }),
      announce: {
        channels: channels.map((settings) => openChannel(settings, {}, context)),
        cluster: 'main',
      },
    });
    const prometheus = await startPrometheus(new URL(url).host);
    const isScraped = async () => {
      try {
        return (await query(prometheus, 'stowage_last_set_rows > 0')).length > 0;
      } catch {
        return false;
      }
    };
    await waitUntil(isScraped);

    const rules = parse(await readFile(RULES, 'utf8')) as Rules;
    const dashboard = JSON.parse(await readFile(DASHBOARD, 'utf8')) as Dashboard;
    const ofPanels = dashboard.panels.flatMap(({ targets = [] }) => targets);
    const expressions = [...rules.groups.flatMap((group) => group.rules), ...ofPanels].map(
      ({ expr }) => withVariables(expr),
    );
    for (const expr of expressions) await query(prometheus, expr);

    const text = await (await fetch(`${url}/metrics`)).text();
    const exported = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
    const named = expressions.flatMap((expr) => expr.match(/\b(?:stowage|process)_\w+/g) ?? []);
    const unknown = named.filter((name) => !exported.has(name.replace(/_bucket$/, '')));
    expect(unknown).toEqual([]);
    const [age] = await query(prometheus, 'stowage_set_age_seconds{kind="complete"}');
    expect(Number(age?.value?.[1])).toBeGreaterThan(0);
  });
});
