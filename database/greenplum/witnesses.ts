import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { fileStamps } from '../witness/file-stamp/provider.ts';
import type { WitnessProvider, WitnessSupport } from '../witness/provider.ts';
import { appendOptimized } from './witness/append-optimized.ts';
import { readGreenplumHistory, whyNone } from './witness/history.ts';
import { readGreenplumTables } from './witness/tables.ts';

/** How a Greenplum cluster proves that tables did not change. */
export const greenplumWitnesses: WitnessSupport = {
  providers: [
    onSegments(appendOptimized),
    onSegments(fileStamps({ whyUnavailable: whyNone, readHistory: readGreenplumHistory })),
  ],
  readTables: readGreenplumTables,
};

/** The coordinator has no rows: it is not asked. */
function onSegments(provider: WitnessProvider): WitnessProvider {
  const none = { unavailable: 'the coordinator has no rows' };
  return {
    ...provider,
    prepare: async (place) =>
      place.target.content === COORDINATOR
        ? { collect: async () => none }
        : await provider.prepare(place),
  };
}
