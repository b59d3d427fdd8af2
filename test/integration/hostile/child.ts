import pino from 'pino';
import type { SourceExtent } from '../../../backup-set/documents/restore/restore.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { peakMemoryBytes } from '../../../segment-shipper/protocol/peak-memory.ts';
import { rowsOf } from '../../../segment-shipper/read/rows-of.ts';
import { openStore } from '../../../storage/open.ts';
import { handle } from '../../support/handle.ts';

// Runs one operation on a hostile set, and prints its result and the peak memory of the process.
// Started by large.test.ts. It imports no test code, which would use more memory than it measures.
interface Given {
  readonly seal: string;
  readonly timestamp: string;
  readonly endpoint?: string;
  readonly extent?: SourceExtent;
}

const [what = '', root = '', given = '{}'] = process.argv.slice(2);
const { seal, timestamp, endpoint, extent } = JSON.parse(given) as Given;
const store = await openStore({ root, ...(endpoint && { s3: { endpoint } }) });
const deps: Deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };

async function act(): Promise<unknown> {
  switch (what) {
    case 'stitch':
      await handle(deps, seal);
      return sweep(deps);
    case 'verify':
      return (await verifySet(deps, timestamp)).verdict;
    case 'fetch': {
      let rows = 0;
      const { signal } = new AbortController();
      for await (const chunk of rowsOf(store, extent === undefined ? [] : [extent], { signal }))
        rows += chunk.byteLength;
      return rows;
    }
    default:
      throw new Error(`cannot ${what}`);
  }
}

const ended = await act().then(
  (result) => ({ result }),
  (error: Error & { code?: string; where?: unknown }) => ({
    error: { code: error.code, message: error.message, where: error.where },
  }),
);
await store.close();
process.stdout.write(JSON.stringify({ ...ended, peakMiB: peakMemoryBytes() / 1024 ** 2 }));
