/**
 * Runs one function in its own process, like a Lambda: `child.ts <root> <work> <size as JSON>`.
 * First writes the other documents that the function needs, which is not measured. Prints one line
 * of JSON.
 */
import pino from 'pino';
import { phasePrefix, setPrefix } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { advanceRestore } from '../../../functions/handlers/advance-restore.ts';
import { planRestore } from '../../../functions/handlers/plan-restore.ts';
import { planTask } from '../../../functions/handlers/plan-task.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { listKeys } from '../../../functions/stored/load.ts';
import { requestTask } from '../../../functions/tasks/tasks.ts';
import { peakMemoryBytes } from '../../../segment-shipper/protocol/peak-memory.ts';
import { openStore } from '../../../storage/open.ts';
import { type RestoreMode, requestRestore, restoreId, writeReceipts } from './restore.ts';
import { contentsOf, type SetSize, TIMESTAMP } from './set.ts';
import type { Work } from './work.ts';

const [root = '', work, sizeText = ''] = process.argv.slice(2);
const size = JSON.parse(sizeText) as SetSize;
const store = await openStore({ root });
const deps: Deps = { store, clock: () => new Date(), log: pino({ level: 'error' }) };
const AT = new Date('2026-02-02T00:00:00.000Z');
const mode: RestoreMode = size.flavour === 'greenplum' ? 'resize' : 'same';
const restore = restoreId(mode);

/**
 * Each prepares its work and returns the function to measure, whose result goes into the report.
 */
const WORKS: Record<Work, () => Promise<() => Promise<Record<string, unknown>>>> = {
  async list() {
    return async () => ({
      objects: (await listKeys(deps, setPrefix(TIMESTAMP), ['pack', 'receipt'])).length,
    });
  },
  async stitch() {
    return async () => ({ status: (await stitch(deps, TIMESTAMP)).status });
  },
  async validate() {
    return async () => ({ status: (await validate(deps, TIMESTAMP)).verdict.status });
  },
  async 'plan-task'() {
    const key = await requestTask(deps, TIMESTAMP, 'verify', AT);
    const task = key.split('/')[1] ?? '';
    return async () => ({ orders: (await planTask(deps, task)).wrote.length });
  },
  async 'plan-restore'() {
    await requestRestore(store, size, mode);
    return async () => ({ wrote: (await planRestore(deps, restore)).wrote.length });
  },
  async 'load orders'() {
    if (mode === 'same') {
      await writeReceipts(store, size, mode, 'verify');
      await advanceRestore(deps, restore);
    }
    await writeReceipts(store, size, mode, 'pre-data');
    return async () => {
      const { wrote } = await advanceRestore(deps, restore);
      const orders = await listKeys(deps, phasePrefix(restore, 'orders', 'data'), ['order']);
      const bytes = orders.map((order) => order.bytes);
      return {
        wrote: wrote.length,
        orderBytes: bytes.reduce((sum, each) => sum + each, 0),
        largestOrderBytes: bytes.reduce((most, each) => Math.max(most, each), 0),
      };
    };
  },
  async 'one receipt of many'() {
    await writeReceipts(store, size, mode, 'data', contentsOf(size).slice(0, -1));
    return async () => ({ wrote: (await advanceRestore(deps, restore)).wrote.length });
  },
  async 'end restore'() {
    await writeReceipts(store, size, mode, 'data', contentsOf(size).slice(-1));
    for (const phase of ['post-data', 'analyze'] as const)
      await writeReceipts(store, size, mode, phase);
    return async () => ({ wrote: (await advanceRestore(deps, restore)).wrote });
  },
};

const measured = await WORKS[work as Work]();
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const figures = await measured();
const wallSeconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
process.stdout.write(
  `${JSON.stringify({
    ...figures,
    wallSeconds,
    cpuSeconds: (user + system) / 1e6,
    peakRssMib: peakMemoryBytes() / 1024 ** 2,
  })}\n`,
);
await store.close();
