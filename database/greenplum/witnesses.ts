import { StowageError } from '../../backup-set/base/errors.ts';
import type { WitnessSupport } from '../witness/provider.ts';

/** How a Greenplum cluster proves that tables did not change: its providers come later. */
export const greenplumWitnesses: WitnessSupport = {
  providers: [],
  readTables: () => {
    throw new StowageError('internal', 'flavour greenplum has no provider of witnesses');
  },
};
