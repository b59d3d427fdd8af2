import { StowageError } from '../../backup-set/base/errors.ts';
import { setPrefix } from '../../backup-set/base/keys.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Deps } from '../../functions/deps.ts';
import { planRepair } from '../../functions/repair/plan.ts';
import { type RepairResult, repairSet } from '../../functions/repair/repair.ts';
import type { RepairItem, RepairPlan } from '../../functions/repair/repair-plan.ts';
import { requireSet } from '../../functions/sets/status.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { withStore } from '../open.ts';
import { bytes, printable } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';
import { findSet, SET_DETAILS, setNameFrom } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const repairCommand: ClusterCommand = {
  usage: 'repair <set>',
  summary: 'bring back the missing and damaged objects of a set from a good copy, and validate it',
  details: `${SET_DETAILS}
Every object is compared with its checksum while it is copied. A missing object is created. A damaged object is replaced only in a bucket with versioning, which keeps it as an older version, or with --replace-damaged. Exit code 0 means that the set is complete.`,
  flags: [
    ['--from <root>', 'the root of the good copy: s3://bucket/prefix or file:///path (required)'],
    ['--replace-damaged', 'delete damaged objects, also where the store keeps no older versions'],
    ['--verify', 'read every object of the set, to find damage that sizes and ETags do not show'],
    ['--dry-run', 'print what is missing or damaged, and change nothing'],
  ],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const name = setNameFrom(positional);
    const root = flags['from'];
    if (typeof root !== 'string')
      throw new StowageError('usage/flag', 'repair needs --from ROOT, the root of a good copy', {
        where: { field: 'from' },
      });
    return withStore(context, async (store) => {
      const timestamp = await findSet(context, store, name);
      await requireAnything(functionDeps(context, store), timestamp);
      return withStore(
        context,
        (good) => {
          if (good.url !== store.url) return repairFrom(context, { store, good }, timestamp, flags);
          throw new StowageError('usage/flag', '--from names the root of the set itself', {
            where: { field: 'from' },
          });
        },
        root,
      );
    });
  },
};

interface Stores {
  readonly store: ObjectStore;
  readonly good: ObjectStore;
}

async function repairFrom(
  context: ClusterContext,
  { store, good }: Stores,
  timestamp: string,
  flags: Flags,
): Promise<number> {
  const { output } = context;
  const roots = { to: functionDeps(context, store), from: functionDeps(context, good) };
  const plan = await planRepair(roots, timestamp, { readAll: flags['verify'] === true });
  const isInTheWay = plan.items.some(({ state }) => state === 'damaged');
  const mayReplace = isInTheWay && (await canReplace(store, flags));
  const names = { timestamp, from: good.url };
  if (flags['dryRun'] === true) {
    const { items, lost } = plan;
    output.result(
      { ...names, objects: items.map(asJson), lost, mayReplace },
      planText(plan, mayReplace).join('\n'),
    );
    return items.length + lost.length === 0 ? 0 : 3;
  }
  const onItem = (item: RepairItem) =>
    output.note('repairing', asJson(item), `bringing back ${line(item)}`);
  const result = await repairSet(roots, timestamp, plan, { mayReplace, onItem });
  const { repaired, kept, lost, verdict } = result;
  output.result(
    { ...names, repaired: repaired.map(asJson), kept: kept.map(asJson), lost, verdict },
    resultText(timestamp, result).join('\n'),
  );
  return kept.length + lost.length === 0 && verdict.status === 'complete' ? 0 : 3;
}

/** A set that has lost plan and manifest still has other objects. */
async function requireAnything(deps: Deps, timestamp: string): Promise<void> {
  for await (const _ of deps.store.list(setPrefix(timestamp))) return;
  await requireSet(deps, timestamp);
}

async function canReplace(store: ObjectStore, flags: Flags): Promise<boolean> {
  if (flags['replaceDamaged'] === true) return true;
  if (store.kind !== 's3') return false;
  const { inspectBucket } = await import('../../storage/s3/inspect-bucket.ts');
  const versioning = (await inspectBucket(store))?.versioning;
  return versioning?.ok === true && versioning.value === 'Enabled';
}

const asJson = ({ key, bytes: size, state }: RepairItem) => ({ object: key, bytes: size, state });

const line = (item: RepairItem) =>
  printable(`${item.key} (${bytes(item.bytes)}), which is ${item.state}`);

function planText({ items, lost }: RepairPlan, mayReplace: boolean): string[] {
  const kept = items.filter(({ state }) => state === 'damaged' && !mayReplace);
  return [
    ...items.map((item) => `would bring back ${line(item)}`),
    ...keptLines(kept),
    ...problemLines(lost),
    items.length + lost.length === 0
      ? 'nothing is missing or damaged'
      : `${plural(items.length, 'object')} to bring back. Nothing was changed (--dry-run)`,
  ];
}

function resultText(timestamp: string, { repaired, kept, lost, verdict }: RepairResult): string[] {
  const { status, problems, problemsTotal } = verdict;
  const size = repaired.reduce((sum, item) => sum + item.bytes, 0);
  return [
    ...keptLines(kept),
    ...problemLines(lost),
    ...problemLines(problems, problemsTotal),
    `brought back ${plural(repaired.length, 'object')} (${bytes(size)}); set ${timestamp} is ${status}`,
  ];
}

function keptLines(kept: readonly RepairItem[]): string[] {
  if (kept.length === 0) return [];
  return [
    ...kept.map(({ key }) => `  ${printable(key)} is damaged and stays`),
    `${plural(kept.length, 'damaged object')} not replaced: the store keeps no older versions. --replace-damaged deletes them and brings back the good ones`,
  ];
}
