import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyByProgram } from '../../bench/contenders/programs.ts';
import { measure } from '../../bench/measure/measure.ts';
import type { Bench } from '../../bench/scenario.ts';
import { run } from '../../bench/setup/shell.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** Known loads, measured in CPU and not in time, so that a busy machine changes nothing. */
const LOAD_MS = 600;
const burn = (ms: number) =>
  `const until = ${ms} * 1000; for (let used = 0; used < until; ) { const { user, system } = process.cpuUsage(); used = user + system; }`;
const NODE = process.execPath;
const ENV = { PATH: process.env['PATH'] ?? '' };

/** What is counted in ticks of 10 ms may lack one for each process; what starts a process comes on top. */
const [LESS, MORE] = [0.05, 0.6];

let server: TestServer;
beforeAll(async () => {
  // What the server does by itself costs more than the least that is measured, on a slow machine.
  server = await startPostgres({ databases: ['bench'], settings: { autovacuum: 'off' } });
});
afterAll(() => server.stop());

const watched = () => ({ servers: [server.pid], stores: [] });

test('a client is charged with all that it started, at any depth, also what ended long before it', async () => {
  const script = `bash -c "'${NODE}' -e '${burn(LOAD_MS)}'" & '${NODE}' -e '${burn(LOAD_MS)}' & wait; sleep 0.3`;
  const { usage } = await measure(watched(), async () => {
    await run(ENV, 'bash', ['-c', script]);
    return {};
  });
  expect(usage.clientSeconds).toBeGreaterThan((2 * LOAD_MS) / 1000 - LESS);
  expect(usage.clientSeconds).toBeLessThan((2 * LOAD_MS) / 1000 + MORE);
  expect(usage.databaseSeconds).toBeLessThan(LESS);
  expect(usage.clientPeakBytes).toBeGreaterThan(30 * 1024 ** 2);
});

test('the database is charged with backends that have ended, and apart from it with its programs', async () => {
  const bench = {
    tools: { found: {}, has: () => true },
    options: { sockets: false },
    home: '/nonexistent',
    store: { endpoint: '', region: '', keys: { accessKey: '', secretKey: '' } },
  } as unknown as Bench;
  const tables = ['(SELECT 1)', '(SELECT 2)'];
  const { usage } = await measure(watched(), () =>
    copyByProgram(
      bench,
      server,
      tables,
      { workers: 2 },
      () => `'${NODE}' -e '${burn(LOAD_MS)}' > /dev/null; cat > /dev/null`,
    ),
  );
  expect(usage.programSeconds).toBeGreaterThan((2 * LOAD_MS) / 1000 - LESS);
  expect(usage.programSeconds).toBeLessThan((2 * LOAD_MS) / 1000 + MORE);
  expect(usage.databaseSeconds).toBeGreaterThanOrEqual(0);
  expect(usage.databaseSeconds).toBeLessThan(0.5);
  expect(usage.clientSeconds).toBeLessThan(0.5);

  const sum = `SELECT sum(sqrt(i)) FROM generate_series(1, 5000000) i`;
  const query = await measure(watched(), async () => {
    await server.psql(sum, 'bench');
    return {};
  });
  expect(query.usage.databaseSeconds).toBeGreaterThan(0.2);
  expect(query.usage.programSeconds).toBe(0);
});

test('a process of somebody else is charged to nobody and noticed', async () => {
  const { spawn } = await import('node:child_process');
  const other = spawn(NODE, ['-e', 'for (;;);'], { stdio: 'ignore' });
  try {
    const { usage } = await measure(watched(), async () => {
      await run(ENV, NODE, ['-e', burn(LOAD_MS)]);
      return {};
    });
    expect(usage.clientSeconds).toBeLessThan(LOAD_MS / 1000 + MORE);
    expect(usage.othersShare).toBeGreaterThan(0.05);
  } finally {
    other.kill('SIGKILL');
  }
});
