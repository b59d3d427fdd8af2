import type { WitnessSupport } from '../witness/provider.ts';
import { readWitnessTables } from '../witness/tables.ts';
import { walSummary } from '../witness/wal-summary/provider.ts';

/** How plain PostgreSQL servers prove that tables did not change. */
export const shardsWitnesses: WitnessSupport = {
  providers: [walSummary],
  readTables: readWitnessTables,
};
