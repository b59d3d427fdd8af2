import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { serveMetrics } from '../../functions/serve/metrics.ts';

const Rule = z.object({
  alert: z.string(),
  expr: z.string(),
  annotations: z.object({ summary: z.string() }),
});
const Rules = z.object({ groups: z.array(z.object({ rules: z.array(Rule).min(1) })).min(1) });

const text = await readFile(new URL('stowage.rules.yml', import.meta.url), 'utf8');
const page = await readFile(new URL('../../docs/deploy-self-hosted.md', import.meta.url), 'utf8');
const rules = Rules.parse(parse(text)).groups.flatMap((group) => group.rules);

/** Names of the metrics of a server, also of those without a value yet. */
async function ownMetrics(): Promise<string[]> {
  const metrics = serveMetrics(() => new Date());
  metrics.watchQueue({ counts: () => ({ running: 0, waiting: 0 }) });
  metrics.watchStore(() => undefined);
  metrics.watchExpiry();
  metrics.watchAnnouncements(['ops'], () => 0);
  const text = await metrics.text();
  return [...text.matchAll(/^# TYPE (stowage_\w+) /gm)].map(([, name = '']) => name);
}

test('every alert uses metrics that stowage serve has', async () => {
  const own = await ownMetrics();
  const asked = rules.flatMap(({ expr }) => expr.match(/\bstowage_\w+/g) ?? []);
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.filter((name) => !own.includes(name))).toEqual([]);
});

test('docs/deploy-self-hosted.md has a line for every metric', async () => {
  const described = [...page.matchAll(/^\| `(stowage_\w+)/gm)].map(([, name = '']) => name);
  expect(described.toSorted()).toEqual((await ownMetrics()).toSorted());
});
