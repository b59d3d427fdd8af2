import { defineConfig } from 'vitest/config';

/** Real servers are slow to start and share two cores: their suites run one file at a time. */
const onServers = { fileParallelism: false, testTimeout: 180_000, hookTimeout: 180_000 } as const;

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{backup-set,storage,database,segment-shipper,functions,cli,infra}/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...onServers } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...onServers } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...onServers, testTimeout: 300_000 } },
    ],
  },
});
