import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyByProgram } from '../../bench/contenders/programs.ts';
import { measure } from '../../bench/measure/measure.ts';
import type { Bench } from '../../bench/scenario.ts';
import { run } from '../../bench/setup/shell.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** CPU time of a known load: a busy machine does not change it. */
const LOAD_MS = 600;
const burn = (ms: number) =>
  `const until = ${ms} * 1000; for (let used = 0; used < until; ) { const { user, system } = process.cpuUsage(); used = user + system; }`;
const NODE = process.execPath;
const ENV = { PATH: process.env['PATH'] ?? '' };

/**
 * Tolerances: ticks of 10 ms may be lost for each process, and the start of a process adds some.
 */
const [LESS, MORE] = [0.05, 0.6];

let server: TestServer;
beforeAll(async () => {
  // On a slow machine, background work of the server costs more than the smallest measured load.
  server = await startPostgres({ databases: ['bench'], settings: { autovacuum: 'off' } });
});
afterAll(() => server.stop());

const watched = () => ({ servers: [server.pid], stores: [] });

test('the bench charges a client with all processes that it started, at any depth, even if they end before the client', async () => {
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

test('the bench charges the database with ended backends, and counts the programs of COPY separately', async () => {
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

test('the bench does not charge an unrelated process to a contender, and reports its share', async () => {
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
