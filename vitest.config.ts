import { defineConfig } from 'vitest/config';
import { unbuiltServers } from './infra/setup/stores/servers.mjs';
import { hasBareMachine } from './test/support/install/bare-machine.ts';
import { LongestFirst } from './test/support/longest-first.ts';
import { REPEATS } from './test/support/repeats/repeats.ts';
import { seedOfTree } from './test/support/repeats/seed.ts';

// Workers get it with the environment.
process.env['STOWAGE_TEST_SEED'] ??= String(seedOfTree());
const PROPERTIES = 'test/support/repeats/properties.ts';

/** Real servers start slowly. */
const onServers = { testTimeout: 180_000, hookTimeout: 180_000 } as const;
/**
 * CI has two cores, and these suites mostly wait (agents poll, restores run in phases): they share
 * four workers, and no worker waits for the end of a suite.
 */
const fourAtATime = {
  ...onServers,
  fileParallelism: true,
  maxWorkers: 4,
  // A new process for each file costs half a second of CPU, mostly to load the SDK of AWS.
  isolate: false,
  setupFiles: ['test/support/own-environment.ts', PROPERTIES],
};

/** The programs as `npm run build` makes them. */
const PROGRAMS = 'test/support/programs/build.ts';
const DATA = 'test/support/servers/shared-data.ts';
const MEMORY = 'test/support/memory-folder.ts';
const inMemory = { globalSetup: MEMORY };
const withData = { globalSetup: [MEMORY, DATA] };
const withPrograms = { globalSetup: [MEMORY, PROGRAMS, DATA] };
const withPackage = {
  globalSetup: [MEMORY, PROGRAMS, DATA, 'test/support/emulator/package-once.ts'],
};
/** Servers that the tests do not start do not expect their files in memory. */
const onDisk = { globalSetup: [PROGRAMS, DATA] };

/** The clients of a process share proxies, credentials and the rate of requests. */
const ITS_OWN_PROCESS = 'test/integration/storage/**/*.test.ts';

/** The unit tests first. */
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
            ...onDisk,
            fileParallelism: false,
            testTimeout: 600_000,
            ...turn(3),
          },
        },
      ];
if (onGreenplum.length === 0)
  process.stderr.write(
    'skipped: the tests on Greenplum, because STOWAGE_TEST_GREENPLUM is not set (docs/testing.md)\n',
  );

/** The suite on object stores needs servers that are built from source (infra/setup/stores/). */
const stores = process.env['STOWAGE_TEST_STORES'];
const unbuilt = unbuiltServers(process.env).map(({ name }) => name);
const onStores =
  stores === '0' || unbuilt.length > 0
    ? []
    : [
        {
          test: {
            name: 'stores',
            // Without STOWAGE_TEST_STORES=1: the contract on the servers that only this suite has.
            include: [
              `test/stores/${stores === '1' ? '*' : '{minio,seaweedfs,versitygw}'}.test.ts`,
            ],
            ...fourAtATime,
            ...withPrograms,
            ...turn(2),
          },
        },
      ];
if (onStores.length === 0)
  process.stderr.write(
    `skipped: the tests on object stores, because ${stores === '0' ? 'STOWAGE_TEST_STORES=0' : `these servers are not built: ${unbuilt.join(', ')}`} (npm run test:stores, docs/testing.md)\n`,
  );

/** The packages on a bare Debian. A minute, so it runs only when it is asked for. */
const onBareMachine =
  process.env['STOWAGE_TEST_INSTALL'] === '1' && hasBareMachine()
    ? [
        {
          test: {
            name: 'install',
            include: ['test/install/**/*.test.ts'],
            ...onServers,
            ...onDisk,
            ...turn(2),
          },
        },
      ]
    : [];
if (onBareMachine.length === 0)
  process.stderr.write(
    'skipped: the packages on a bare Debian (npm run test:install as root, docs/testing.md)\n',
  );

if (!REPEATS)
  process.stderr.write(
    'skipped: the tests that repeat others (npm run test:all, docs/testing.md)\n',
  );

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{async,backup-set,frame,encryption,storage,database,segment-shipper,functions,cli,console,infra}/**/*.test.{ts,mjs}',
          ],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // Pure code keeps nothing between files: to load it once per worker halves the CPU.
          pool: 'threads',
          isolate: false,
          setupFiles: PROPERTIES,
          ...turn(1),
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          ...fourAtATime,
          ...inMemory,
          ...turn(2),
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: [ITS_OWN_PROCESS],
          ...fourAtATime,
          ...withData,
          ...turn(2),
        },
      },
      {
        test: {
          name: 'storage',
          include: [ITS_OWN_PROCESS],
          ...fourAtATime,
          isolate: true,
          ...withData,
          ...turn(2),
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/{chaos,model}/**/*.test.ts'],
          ...fourAtATime,
          ...withPrograms,
          ...turn(2),
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          ...fourAtATime,
          ...withPrograms,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          ...turn(2),
        },
      },
      {
        test: {
          name: 'stack',
          include: ['test/stack/**/*.test.ts'],
          ...fourAtATime,
          ...withPackage,
          testTimeout: 300_000,
          ...turn(2),
        },
      },
      ...onBareMachine,
      ...onStores,
      ...onGreenplum,
    ],
  },
});
