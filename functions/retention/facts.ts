import { eachInFlight, weighed } from '../../async/each-in-flight.ts';
import type { PartDigest } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { RuledSet } from '../../backup-set/retention/decide.ts';
import type { Deps } from '../deps.ts';
import { listTimestamps } from '../sets/list.ts';
import { readSetDocument, type StoredDocument, statusOf } from '../sets/status.ts';
import { hasReceipts } from '../stored/is-set.ts';
import { type HiddenVerdict, judgementOf } from '../stored/judgement.ts';
import { listKeys } from '../stored/load.ts';
import { apart, isOfOneObject, watchingFor } from '../stored/unreadable.ts';
import { type Retention, readingNow, retentionByNames, retentionOf } from './marks.ts';

/** What expiry knows of a set: a few hundred bytes, so that thousands fit into memory. */
export interface SetFacts extends Omit<RuledSet, 'readers' | 'held'> {
  readonly retention: Retention;
  readonly isRead: boolean;
  readonly database: string | undefined;
  /** The current one; absent = none, or it is not looked for. */
  readonly verdict?: Verdict | undefined;
  /** The folder is no set: what is left of a removed one, or a copy that has just begun. */
  readonly isGhost?: true;
  /** It consists of the files of gpbackup. */
  readonly isOfFiles?: true;
  /** Why its status is not known. It stays, and counts for no other set. */
  readonly unreadable?: string;
  /** Its verdict that cannot be read: it may have found damage, also in packs of other sets. */
  readonly hidden?: HiddenVerdict;
  /** It has no manifest, and its plan cannot be read: any older set may be its base. */
  readonly isBaseHidden?: true;
  /** What it needs of other sets. */
  readonly needs:
    | { readonly kind: 'manifest'; readonly sets: readonly string[]; readonly list?: PartDigest }
    /** It has no manifest and can get one: all that its base has may be needed. */
    | { readonly kind: 'base'; readonly base: string | undefined }
    /** Its plan or manifest cannot be read, so it may need anything of older sets. */
    | { readonly kind: 'unknown' }
    | { readonly kind: 'nothing' };
}

const SETS_IN_FLIGHT = 8;
/** Bytes of manifests that are parsed at once; a larger one is parsed alone. */
const MANIFEST_BYTES_IN_FLIGHT = 16 * 1024 * 1024;

/**
 * The facts about all sets under a root, by timestamp. What `known` has of committed sets is used
 * again: a manifest never changes.
 */
export async function gatherFacts(
  deps: Deps,
  known: ReadonlyMap<string, SetFacts> = new Map(),
): Promise<Map<string, SetFacts>> {
  const facts = new Map<string, SetFacts>();
  const timestamps = await listTimestamps(deps.store);
  const admit = weighed(MANIFEST_BYTES_IN_FLIGHT);
  await eachInFlight(timestamps, SETS_IN_FLIGHT, async (timestamp) => {
    deps.signal?.throwIfAborted();
    const before = known.get(timestamp);
    const isKnown = before?.needs.kind === 'manifest' && before.unreadable === undefined;
    facts.set(
      timestamp,
      isKnown
        ? before
        : await apart(
            deps,
            `set ${timestamp} is kept, it cannot be looked at`,
            () => factsOf(deps, timestamp, admit),
            ({ message }) => unknownFacts(deps, timestamp, message),
          ),
    );
  });
  return new Map([...facts].sort(([a], [b]) => (a < b ? -1 : 1)).map(withFilesInDoubt));
}

/** A set that cannot be read may be an increment of gpbackup, and need every older set of files. */
function withFilesInDoubt(
  [timestamp, set]: [string, SetFacts],
  _: number,
  all: [string, SetFacts][],
): [string, SetFacts] {
  if (set.needs.kind !== 'unknown') return [timestamp, set];
  const older = all.filter(([other, { isOfFiles }]) => isOfFiles && other < timestamp);
  return [timestamp, { ...set, needsFilesOf: older.map(([other]) => other) }];
}

type Admit = ReturnType<typeof weighed>;

/** A set of which the store withholds a document: it may be complete, and need any older set. */
async function unknownFacts(deps: Deps, timestamp: string, unreadable: string): Promise<SetFacts> {
  const retention = await retentionOf(deps, timestamp).catch((error: unknown) => {
    if (!isOfOneObject(error)) throw error;
    return retentionByNames(deps, timestamp);
  });
  const isRead = await readingNow(deps, retention);
  const manifest = formatKey({ kind: 'manifest', timestamp });
  // A list shows what HEAD refuses.
  const isCommitted = (await listKeys(deps, manifest, ['manifest'])).length > 0;
  return {
    ...{ timestamp, retention, isRead, ...UNREADABLE, status: 'unknown', unreadable },
    ...(!isCommitted && { isBaseHidden: true }),
    ...(await judgementOf(deps, timestamp, { isCommitted })),
  };
}

async function factsOf(given: Deps, timestamp: string, admit: Admit): Promise<SetFacts> {
  const { deps, found } = watchingFor(given, 'retention');
  const retention = await retentionOf(deps, timestamp);
  const common = { timestamp, retention, isRead: await readingNow(deps, retention) };
  if (retention.state === 'removing') return { ...common, ...NO_RULES, ...NOTHING };
  const { signal } = deps;
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }), { signal });
  const kind = manifest === undefined ? 'plan' : 'manifest';
  const head = manifest ?? (await deps.store.head(formatKey({ kind, timestamp }), { signal }));
  if (head === undefined && !(await hasReceipts(deps, timestamp)))
    return { ...common, ...NO_RULES, ...NOTHING, isGhost: true };
  const read = await admit(head?.bytes ?? 0, async () =>
    kind === 'manifest'
      ? compactManifest(await readSetDocument(deps, timestamp, kind, Manifest))
      : compactPlan(await readSetDocument(deps, timestamp, kind, Plan)),
  );
  const judgement = await judgementOf(given, timestamp, {
    isCommitted: manifest !== undefined,
  });
  const { verdict, hidden } = judgement;
  const status = statusOf(read.stored, verdict);
  // An `ended` that cannot be read may say that the set goes.
  const ended = found().find(({ object }) => object.endsWith('-ended.json'));
  const unreadable = hidden ?? ended;
  return {
    ...common,
    ...read.facts,
    ...judgement,
    status: status === 'complete' && verdict === undefined ? 'unproven' : status,
    ...(unreadable && { status: 'unknown', unreadable: unreadable.message }),
  };
}

const NOTHING = { database: undefined, needs: { kind: 'nothing' } } as const;
const NO_RULES = { status: 'open', series: '', tags: [], needsFilesOf: [] } as const;

type Compact = Pick<
  SetFacts,
  'series' | 'tags' | 'database' | 'needs' | 'needsFilesOf' | 'isOfFiles' | 'isBaseHidden'
>;

const UNREADABLE: Compact = {
  series: '',
  tags: [],
  database: undefined,
  needsFilesOf: [],
  needs: { kind: 'unknown' },
};

/** Keeps what expiry needs, and lets go of the rest: a manifest can have megabytes. */
function compactManifest({ exists, document }: StoredDocument<Manifest>) {
  const stored = { exists, document: document && true };
  if (document === undefined) return { stored, facts: UNREADABLE };
  const { needs, needed } = document;
  const facts: Compact = {
    ...seriesOf(document),
    needs: { kind: 'manifest', sets: needs, ...(needed && { list: needed }) },
  };
  return { stored, facts };
}

function compactPlan({ exists, document }: StoredDocument<Plan>) {
  const stored = { exists: false, document: undefined };
  if (document === undefined)
    // A backup stores its plan first: a set without one is a copy, which has no base.
    return { stored, facts: { ...UNREADABLE, ...(exists && { isBaseHidden: true as const }) } };
  const base = document.base?.timestamp;
  return { stored, facts: { ...seriesOf(document), needs: { kind: 'base', base } as const } };
}

/** Copies of several clusters can lie in one root: their sets do not replace each other. */
function seriesOf(of: Pick<Plan, 'cluster' | 'database' | 'selection' | 'tags' | 'files'>) {
  const { cluster, database, selection, tags = [], files } = of;
  const series = JSON.stringify([cluster, database, selection]);
  return {
    database,
    series,
    tags,
    needsFilesOf: files?.needs ?? [],
    ...(files && { isOfFiles: true as const }),
  };
}
