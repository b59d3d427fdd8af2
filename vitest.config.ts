import { defineConfig } from 'vitest/config';

/** Real servers start slowly, and CI has two cores: these suites run one file at a time. */
const onServers = { fileParallelism: false, testTimeout: 180_000, hookTimeout: 180_000 } as const;
/** Suites that mostly wait (agents poll, restores run in phases): three files at a time. */
const threeAtATime = { ...onServers, fileParallelism: true, maxWorkers: 3 } as const;

/** The programs as `npm run build` makes them. */
const withPrograms = { globalSetup: 'test/support/programs/build.ts' };

/** One project after another: the servers of another suite would disturb timings and timeouts. */
const turn = (groupOrder: number) => ({ sequence: { groupOrder } });

/** The file in which .ci/run expects the machine-readable report. */
const report = process.env['STOWAGE_TEST_REPORT'];

/** The suite on Greenplum needs running clusters: their coordinators, as `host:port,host:port`. */
const onGreenplum =
  (process.env['STOWAGE_TEST_GREENPLUM'] ?? '') === ''
    ? []
    : [
        {
          test: {
            name: 'greenplum',
            include: ['test/greenplum/**/*.test.ts'],
            ...onServers,
            ...withPrograms,
            testTimeout: 600_000,
            ...turn(6),
          },
        },
      ];
if (onGreenplum.length === 0)
  process.stderr.write(
    'skipped: the tests on Greenplum, because STOWAGE_TEST_GREENPLUM is not set (docs/testing.md)\n',
  );

export default defineConfig({
  test: {
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{async,backup-set,frame,storage,database,segment-shipper,functions,cli,infra}/**/*.test.{ts,mjs}',
          ],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          ...turn(1),
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          ...onServers,
          ...turn(2),
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          ...threeAtATime,
          ...turn(3),
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          ...withPrograms,
          testTimeout: 60_000,
          ...turn(4),
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          ...threeAtATime,
          ...withPrograms,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          ...turn(5),
        },
      },
      {
        test: {
          name: 'stack',
          include: ['test/stack/**/*.test.ts'],
          ...onServers,
          ...withPrograms,
          testTimeout: 300_000,
          ...turn(7),
        },
      },
      ...onGreenplum,
    ],
  },
});
