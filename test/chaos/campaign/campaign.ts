import { type Lane, type Store, startLane, startStore } from './lane.ts';
import type { RunPlan } from './plan.ts';
import { type RunResult, run } from './run.ts';

export interface CampaignOptions {
  /** `stallSeconds` of the configuration. */
  readonly stallSeconds: number;
}

export interface CampaignOutcome {
  readonly results: readonly RunResult[];
  /** Runs that the campaign itself could not finish. */
  readonly broken: number;
}

export interface Watcher {
  readonly onResult?: (result: RunResult) => void;
  readonly onBroken?: (plan: RunPlan, error: Error) => void;
}

/** Servers, stores and proxies for runs side by side. */
export interface Campaign {
  runAll(plans: readonly RunPlan[], watcher?: Watcher): Promise<CampaignOutcome>;
  stop(): Promise<void>;
}

export async function startCampaign(lanes: number, options: CampaignOptions): Promise<Campaign> {
  const store = await startStore();
  const started = await startLanes(store, lanes);
  return {
    async runAll(plans, { onResult, onBroken } = {}) {
      const left = [...plans];
      const results: RunResult[] = [];
      let broken = 0;
      const work = async (lane: Lane) => {
        for (let plan = left.shift(); plan !== undefined; plan = left.shift()) {
          try {
            const result = await run(lane, plan, options.stallSeconds);
            results.push(result);
            onResult?.(result);
          } catch (error) {
            broken += 1;
            onBroken?.(plan, error instanceof Error ? error : new Error(String(error)));
          }
        }
      };
      await Promise.all(started.map(work));
      return { results, broken };
    },
    async stop() {
      await Promise.all(started.map((lane) => lane.stop()));
      await store.stop();
    },
  };
}

async function startLanes(store: Store, count: number): Promise<Lane[]> {
  const lanes = await Promise.allSettled(Array.from({ length: count }, () => startLane(store)));
  const started = lanes.flatMap((lane) => (lane.status === 'fulfilled' ? [lane.value] : []));
  const failed = lanes.find((lane) => lane.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((lane) => lane.stop()));
  await store.stop();
  throw failed.reason;
}
