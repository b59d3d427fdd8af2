import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import { dayOf } from '../../../backup-set/testing/committed/committed-set.ts';
import type { ClusterCommand, Flags } from '../../../cli/command.ts';
import { showCommand } from '../../../cli/commands/show.ts';
import { validateCommand } from '../../../cli/commands/validate.ts';
import { Config } from '../../../cli/config/schema.ts';
import { listCommand } from '../../../cli/list/command.ts';
import { diffCommand } from '../../../cli/looking-back/diff.ts';
import { findCommand } from '../../../cli/looking-back/find.ts';
import { historyCommand } from '../../../cli/looking-back/history.ts';
import { logCommand } from '../../../cli/looking-back/log.ts';
import { newOutput } from '../../../cli/output/output.ts';
import { widthOf } from '../../../cli/output/table/width.ts';
import { openStore } from '../../../storage/open.ts';
import { fileOf } from '../functions/place.ts';
import { storeSet } from './place.ts';

const DAYS = 20;
const NOW = dateOf(dayOf(DAYS));
const LAST = dayOf(DAYS - 1);
const DAMAGED = dayOf(8);
const partitionRoot = { schema: 'sales', name: 'orders' };

let [folder, root] = ['', ''];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'looking-back-'));
  root = pathToFileURL(folder).href;
  const store = await openStore({ root });
  for (let day = 0; day < DAYS; day += 1) {
    const rows = day === DAYS - 1 ? 2950 : 5000 + day;
    const leaf = (name: string) => ({ schema: 'sales', name, rows, partitionRoot });
    await storeSet(store, {
      timestamp: dayOf(day),
      database: 'a database with quite a long name',
      tables: [leaf('orders_1'), leaf('orders_2'), { name: '数据\n表', rows: 7 }],
    });
  }
  await writeFile(fileOf(store, formatKey({ kind: 'manifest', timestamp: DAMAGED })), '{"x"');
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  readonly code: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

async function run(
  command: ClusterCommand,
  positional: readonly string[],
  flags: Flags = {},
  columns = 80,
): Promise<Run> {
  const both = await Promise.all(
    [false, true].map(async (json) => {
      const [out, err] = [new PassThrough(), new PassThrough()];
      const env = { COLUMNS: String(columns) };
      const clock = () => NOW;
      const code = await command.run({
        flags: json ? { ...flags, svg: undefined } : flags,
        positional,
        context: {
          env,
          clock,
          signal: new AbortController().signal,
          log: pino({ level: 'silent' }),
          output: newOutput({ out, err }, json, clock, () => undefined, env),
          config: Config.parse({ root, database: 'd', segments: [{ content: 0, host: 'a' }] }),
          sources: new Map(),
        },
      });
      return { code, text: String(out.read()) };
    }),
  );
  const [plain, json] = both;
  return {
    code: plain?.code ?? -1,
    text: plain?.text ?? '',
    json: JSON.parse(json?.text ?? '{}') as Run['json'],
  };
}

test.each([
  ['find', findCommand, ['sales.*'], { partitions: true }],
  ['history', historyCommand, ['*'], {}],
  ['diff', diffCommand, [dayOf(1), LAST], { partitions: true }],
  ['log', logCommand, [], { all: true }],
] as const)(
  'no line of %s is wider than 80 columns, and --json is one document',
  async (name, command, positional, flags) => {
    const { text, json } = await run(command, positional, flags);
    // The line about the damaged manifest has its key, which is never broken.
    const lines = text.split('\n').filter((line) => !line.includes('not looked into'));
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(80);
    expect(text).not.toContain('\u0000');
    expect(json['root'], name).toBe(root);
  },
);

test('find prints a root as the sum of its partitions, and fails for a damaged manifest', async () => {
  const { code, text, json } = await run(findCommand, ['sales.orders'], { last: '18' });
  expect(text).toMatch(new RegExp(`^${LAST} .* sales\\.orders.* 5,900 `, 'm'));
  expect(text).toContain(`set ${DAMAGED} (sets/20260109/${DAMAGED}/manifest.json is not JSON`);
  expect(code).toBe(3);
  expect(json['skipped']).toMatchObject([{ timestamp: DAMAGED, why: 'unreadable' }]);
});

test('a table that no set holds is not found, and the damaged manifest is named', async () => {
  await expect(run(findCommand, ['sales.nothing'])).rejects.toMatchObject({
    code: 'table/not-found',
    message: expect.stringContaining(`set ${DAMAGED}`),
  });
  await expect(run(historyCommand, ['a.b.c'])).rejects.toMatchObject({ code: 'usage/flag' });
});

test('history plots rows over time, and writes an SVG once', async () => {
  const svg = join(folder, 'plot.svg');
  const window = { since: '10d', svg };
  const { text, code } = await run(historyCommand, ['sales.orders'], window);
  expect(code).toBe(0);
  expect(text).toMatch(/10\.0k │█{20,}/);
  expect(text).toMatch(/-4,136/);
  await expect(run(historyCommand, ['sales.orders'], window)).rejects.toMatchObject({
    code: 'file/exists',
  });
});

test('diff lists a root and hides its partitions unless they are asked for', async () => {
  const { text, code } = await run(diffCommand, [dayOf(DAYS - 2), LAST]);
  expect(code).toBe(0);
  expect(text).toMatch(/^sales\.orders \(all partitions\) +fewer rows +5,900 +-4,136/m);
  expect(text).not.toContain('orders_1');
  expect(text).toContain('2 partitions of these not listed');
  expect(text).toContain('0 added, 0 dropped, 2 changed, 1 table with the same rows');
});

test('the log ends with exit code 3 when a document cannot be read', async () => {
  const { text, code } = await run(logCommand, [], { all: true });
  expect(code).toBe(3);
  expect(text).toContain('cannot be read');
  expect((await run(logCommand, [], { since: '3d' })).code).toBe(0);
});

test('what is unusual about a set is printed by validate and show, and marked in the list', async () => {
  const validated = await run(validateCommand, [LAST]);
  expect(validated.code).toBe(0);
  expect(validated.text).toContain('sales.orders lost 41 % of its rows since set');
  expect(validated.text).toContain('is not JSON');
  const shown = await run(showCommand, [LAST]);
  expect(shown.text).toContain('unusual, compared with the sets before');
  expect(shown.json).toMatchObject({ status: 'complete', warningsTotal: 2 });
  const listed = await run(listCommand, [], { last: '2' });
  expect(listed.text).toMatch(/ unusual/);
  expect(listed.text).toMatch(/! 2/);
});
