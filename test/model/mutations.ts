import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A defect that is put into the product, to see that the model test notices it. */
export interface Mutation {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The change that shows it: the world then makes it in every third step. */
  readonly meets?: string;
}

const HEAP = 'backup-set/witness/heap.ts';
const WAL = 'backup-set/witness/wal-summary.ts';
const PROVIDER = 'database/witness/wal-summary/provider.ts';
const APPENDED = 'backup-set/witness/append-optimized.ts';
const RANGES = 'backup-set/witness/ranges.ts';
const CHANGES = 'database/witness/wal-summary/changes.ts';

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'shape ignored': {
    file: HEAP,
    from: "base.shape === now.shape ? undefined : 'shape-changed'",
    to: 'undefined',
  },
  'changed blocks ignored': {
    file: WAL,
    from: "now.witness.changedBlocks === 0 ? undefined : 'changed'",
    to: 'undefined',
  },
  'unlogged tables proven': { file: PROVIDER, from: "if (unlogged) return 'unlogged';", to: '' },
  'history not compared': {
    file: PROVIDER,
    from: '=== base.anchor.storedAt',
    to: '!== -1',
    meets: 'two histories',
  },
  'gaps ignored': {
    file: PROVIDER,
    from: '!coversAll(summaries, base.lsn, lsn)',
    to: 'false',
    meets: 'change without summary',
  },
  'names of objects are plain': {
    file: 'database/witness/types.ts',
    from: "!/^reg/.test(name) && name !== 'aclitem'",
    to: 'true',
    meets: 'rename a role',
  },
  'database moved as files': {
    file: CHANGES,
    from: 'files.get(0)?.blocks ?? 0',
    to: '0',
    meets: 'database replaced',
  },
  'limit block ignored': {
    file: CHANGES,
    from: 'isCut || everywhere > 0',
    to: 'false',
    meets: 'cut off the end, with old statistics',
  },
  'growth ignored': {
    file: RANGES,
    from: '[[base.count - 1, now.count - 1]]',
    to: '[]',
    meets: 'statistics of a smaller table',
  },
  'size of ranges not compared': {
    file: RANGES,
    from: 'base.blocks !== now.blocks || ',
    to: '',
    meets: 'one row of a large table',
  },
  'stamp margin': {
    file: 'backup-set/witness/file-stamp.ts',
    from: 'STAMP_MARGIN_SECONDS = 2',
    to: 'STAMP_MARGIN_SECONDS = -5',
  },
  // On Greenplum.
  'visimap ignored': {
    file: APPENDED,
    from: ' && base.witness.hidden === now.witness.hidden',
    to: '',
    meets: 'delete of append-optimized rows',
  },
  'ends of files ignored': {
    file: APPENDED,
    from: 'base.witness.files === now.witness.files && ',
    to: '',
    meets: 'insert',
  },
  'needed packs removed': {
    file: 'functions/retention/needed.ts',
    from: 'whole.has(parsed.timestamp) || packs.has(compact(key))',
    to: 'false',
  },
  'holds ignored': {
    file: 'backup-set/retention/state.ts',
    from: "newest?.what === 'held' ? newest.instant : undefined",
    to: 'undefined',
  },
  'grace ignored': {
    file: 'functions/retention/plan.ts',
    from: 'graceMs === 0 ?',
    to: 'true ?',
  },
  'digest of the first bytes': {
    file: 'frame/digest.ts',
    from: '.update(rows).digest()',
    to: '.update(rows.subarray(0, 64)).digest()',
  },
};

/** Changes a file of the product when it is loaded. Call it before the first import of the file. */
export function mutate(name: string): Mutation {
  const mutation = MUTATIONS[name];
  if (mutation === undefined)
    throw new Error(`unknown mutation ${name}: ${Object.keys(MUTATIONS).join(', ')}`);
  const { file, from, to } = mutation;
  const url = new URL(`../../${file}`, import.meta.url).href;
  const source = readFileSync(fileURLToPath(url), 'utf8');
  if (!source.includes(from)) throw new Error(`${file} has no longer: ${from}`);
  registerHooks({
    load: (loaded, context, next) =>
      loaded === url
        ? { format: 'module-typescript', shortCircuit: true, source: source.replace(from, to) }
        : next(loaded, context),
  });
  return mutation;
}
