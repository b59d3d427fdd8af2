import type { RelationWitness } from '../../../backup-set/witness/kinds.ts';
import type { Reason } from '../../../backup-set/witness/reasons.ts';
import type {
  CollectTerms,
  TableFacts,
  WitnessProbe,
  WitnessProvider,
} from '../../witness/provider.ts';
import { type AppendOptimizedState, readAppendOptimized } from './append-optimized-state.ts';
import { readGreenplumHistory, whyNone } from './history.ts';

/** Greenplum 6: the metadata of append-optimized tables, as the snapshot sees them. */
export const appendOptimized: WitnessProvider = {
  kind: 'append-optimized',
  // Nothing is needed before the snapshot: `readGreenplumTables` finds out what is missing.
  prepare: () => Promise.resolve(PROBE),
  async inspect(session) {
    const missing = await whyNone(session);
    const name = 'unchanged append-optimized tables';
    return missing === undefined
      ? { name, ok: true, detail: 'they are not read' }
      : { name, ok: true, remark: true, detail: `they are read: ${missing}` };
  },
};

const PROBE: WitnessProbe = { collect };

async function collect({ session, tables }: CollectTerms) {
  const history = await readGreenplumHistory(session);
  const ours = tables.filter(
    ({ accessMethod, unlogged }) => accessMethod === 'append-optimized' && !unlogged,
  );
  const states = await readAppendOptimized(
    session,
    ours.map(({ oid }) => oid),
  );
  return {
    source: { kind: 'append-optimized', ...history } as const,
    tables: new Map(ours.map((table) => [table.oid, witnessOf(table, states.get(table.oid))])),
  };
}

function witnessOf(
  { oid, file, toastFile, shape }: TableFacts,
  state: AppendOptimizedState | undefined,
): RelationWitness | Reason {
  if (shape === undefined) return 'type-unknown';
  if (state === undefined) return 'no-witness';
  const toast = toastFile === undefined ? {} : { toastFile };
  return { kind: 'append-optimized', oid, file, ...toast, shape, ...state };
}
