import { type ArchiveEntry, describeEntry, type EntryGraph, entryGraph } from './entries.ts';
import { NOT_BROUGHT, OF_THE_DATABASE, PARTS, PUBLISHED, RELATIONS, REMARKS } from './kinds.ts';
import { exclusion, ownEntries, partitionParents, type Wanted } from './wanted.ts';

/** What a restore of chosen objects does with the entries of an archive, in their order. */
export interface Choice<Entry extends ArchiveEntry> {
  /** Made, or the restore fails. */
  readonly made: readonly Entry[];
  /**
   * Made after all others, each if the server accepts it: foreign keys whose other table was in
   * the target before, and what depends on chosen objects.
   */
  readonly tried: readonly Entry[];
  /** Of `tried`: what was not chosen, but depends on chosen objects. */
  readonly brought: readonly Entry[];
  /** Chosen, but they need something that is neither chosen nor in the target. */
  readonly leftOut: readonly { readonly entry: Entry; readonly reason: string }[];
  /** Chosen, but the target had them before: they are left as they are. */
  readonly kept: readonly Entry[];
  /** Tables that are made without rows, because a chosen one needs their definition. */
  readonly withoutRows: readonly Entry[];
}

/** Whether the target had an object before this restore. */
export type Existed<Entry> = (entry: Entry) => boolean;

/**
 * Chooses the entries of the request, what they need and the target lacks, and what depends on
 * them. Pure: each phase of a restore gets the same choice from the same archive and target.
 */
export function chooseEntries<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  wanted: Wanted,
  existed: Existed<Entry>,
): Choice<Entry> {
  const graph = entryGraph(entries);
  const own = ownEntries(entries, graph, wanted);
  const isExcluded = exclusion(wanted.selection);
  const state: State<Entry> = {
    graph,
    own,
    existed,
    chosen: new Set(),
    tried: new Set(),
    byAttach: indexesOfAttached(entries, graph, existed),
    isExcluded: ({ schema, name = '' }) => isExcluded({ schema, name }),
  };
  for (const entry of own) if (entry.kind === 'TABLE') addWithNeeds(entry, state);
  untilStable(state, () => addOwnAndParts(entries, state));
  untilStable(state, () => addUsers(entries, state));
  const { chosen, tried } = state;
  for (const entry of chosen) if (isTriedKey(entry, state)) tried.add(entry);
  addRemarksOfTried(entries, state);
  const roots = new Set(partitionParents(entries, graph.needsOf).values());
  return {
    made: entries.filter((entry) => chosen.has(entry) && !tried.has(entry)),
    tried: entries.filter((entry) => chosen.has(entry) && tried.has(entry)),
    brought: entries.filter(
      (entry) => tried.has(entry) && !own.has(entry) && !REMARKS.includes(entry.kind),
    ),
    leftOut: leftOutOf(entries, state),
    kept: entries.filter((entry) => own.has(entry) && existed(entry)),
    withoutRows: entries.filter(
      (entry) =>
        chosen.has(entry) && entry.kind === 'TABLE' && !own.has(entry) && !roots.has(entry),
    ),
  };
}

interface State<Entry extends ArchiveEntry> {
  readonly graph: EntryGraph<Entry>;
  readonly own: ReadonlySet<Entry>;
  readonly existed: Existed<Entry>;
  readonly chosen: Set<Entry>;
  readonly tried: Set<Entry>;
  /** Indexes and constraints that the server makes itself when it attaches a partition. */
  readonly byAttach: ReadonlySet<Entry>;
  readonly isExcluded: (entry: Entry) => boolean;
}

function untilStable<Entry extends ArchiveEntry>({ chosen }: State<Entry>, step: () => void): void {
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    step();
  }
}

/** A table needs everything that its definition names, also the definitions of other tables. */
function addWithNeeds<Entry extends ArchiveEntry>(entry: Entry, state: State<Entry>): void {
  if (state.chosen.has(entry) || state.existed(entry)) return;
  state.chosen.add(entry);
  for (const needed of definitionNeeds(entry, state)) addWithNeeds(needed, state);
}

/** A sequence can be made without the table whose column owns it. */
function definitionNeeds<Entry extends ArchiveEntry>(
  entry: Entry,
  { graph, own }: State<Entry>,
): readonly Entry[] {
  const needs = graph.needsOf(entry);
  if (entry.kind !== 'SEQUENCE' || own.has(entry)) return needs;
  return needs.filter(({ kind }) => !RELATIONS.includes(kind));
}

/** One round: everything that can be made now, that is chosen or a part of what is chosen. */
function addOwnAndParts<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  state: State<Entry>,
): void {
  const { graph, own, existed, chosen } = state;
  for (const entry of entries) {
    if (chosen.has(entry) || existed(entry)) continue;
    if (!own.has(entry) && !isPartOf(entry, chosen, graph)) continue;
    if (reasonNotToMake(entry, state) === undefined) addWithNeeds(entry, state);
  }
}

/** A part of a chosen table, or a remark on a chosen entry. */
function isPartOf<Entry extends ArchiveEntry>(
  entry: Entry,
  chosen: ReadonlySet<Entry>,
  graph: EntryGraph<Entry>,
): boolean {
  const needs = graph.needsOf(entry);
  if (REMARKS.includes(entry.kind))
    return needs.length > 0 && needs.every((needed) => chosen.has(needed));
  if (PUBLISHED.includes(entry.kind)) return false;
  if (entry.kind === 'INDEX ATTACH') return needs.some((needed) => chosen.has(needed));
  const table = graph.tableOf(entry);
  if (table !== undefined) return chosen.has(table);
  // A part of a domain.
  return PARTS.includes(entry.kind) && needs.some((needed) => chosen.has(needed));
}

/** What an entry needs and will not find; undefined when it can be made. */
function reasonNotToMake<Entry extends ArchiveEntry>(
  entry: Entry,
  state: State<Entry>,
  seen: Set<Entry> = new Set(),
): string | undefined {
  const { graph, existed, chosen, own, byAttach } = state;
  if (byAttach.has(entry)) return 'the server makes it when it attaches the partition';
  seen.add(entry);
  if (entry.kind === 'SEQUENCE OWNED BY') {
    const table = graph.tableOf(entry);
    if (table !== undefined && !chosen.has(table) && !existed(table)) return lacks(table, state);
  }
  for (const needed of definitionNeeds(entry, state)) {
    if (existed(needed) || seen.has(needed)) continue;
    if (chosen.has(needed)) {
      // The rows that a foreign key refers to would not be there.
      const refers = entry.kind === 'FK CONSTRAINT' && needed.kind === 'TABLE';
      if (refers && !own.has(needed) && needed !== graph.tableOf(entry))
        return lacks(needed, state);
      continue;
    }
    if (!canBePulled(needed, state)) return lacks(needed, state);
    const reason = reasonNotToMake(needed, state, seen);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Everything but tables, whose rows are not loaded, and parts of tables that are not made. */
function canBePulled<Entry extends ArchiveEntry>(
  entry: Entry,
  { own, graph, chosen, isExcluded }: State<Entry>,
): boolean {
  if (own.has(entry)) return entry.kind !== 'TABLE';
  if (entry.kind === 'TABLE' || OF_THE_DATABASE.includes(entry.kind)) return false;
  if (PUBLISHED.includes(entry.kind) || entry.kind === 'PUBLICATION') return false;
  if (RELATIONS.includes(entry.kind)) return !isExcluded(entry);
  if (entry.kind === 'SEQUENCE') return true;
  const table = graph.tableOf(entry);
  return table === undefined || chosen.has(table);
}

function lacks<Entry extends ArchiveEntry>(needed: Entry, state: State<Entry>): string {
  const { graph, chosen, existed, isExcluded } = state;
  const table = graph.tableOf(needed);
  const hasTable = table === undefined || chosen.has(table) || existed(table);
  const why = isExcluded(table ?? needed)
    ? 'which the selection excludes'
    : 'which is neither selected nor in the target';
  return `it needs ${describeEntry(hasTable ? needed : table)}, ${why}`;
}

/**
 * One round: what depends on a chosen object, when all that it needs is chosen or was in the
 * target. DROP … CASCADE has dropped these together with the object.
 */
function addUsers<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  state: State<Entry>,
): void {
  const { graph, own, existed, chosen, tried } = state;
  for (const entry of entries) {
    const { kind } = entry;
    if (chosen.has(entry) || existed(entry) || own.has(entry)) continue;
    if (NOT_BROUGHT.includes(kind) || REMARKS.includes(kind) || OF_THE_DATABASE.includes(kind))
      continue;
    if (RELATIONS.includes(kind) && state.isExcluded(entry)) continue;
    const needs = graph.needsOf(entry);
    if (!needs.some((needed) => chosen.has(needed) && (own.has(needed) || tried.has(needed))))
      continue;
    if (!needs.every((needed) => chosen.has(needed) || existed(needed))) continue;
    if (reasonNotToMake(entry, state) !== undefined) continue;
    chosen.add(entry);
    tried.add(entry);
  }
}

/** A foreign key whose other table was in the target: its rows may not fit. */
function isTriedKey<Entry extends ArchiveEntry>(
  entry: Entry,
  { graph, existed }: State<Entry>,
): boolean {
  if (entry.kind !== 'FK CONSTRAINT') return false;
  return graph.needsOf(entry).some((needed) => RELATIONS.includes(needed.kind) && existed(needed));
}

function addRemarksOfTried<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  { graph, chosen, tried }: State<Entry>,
): void {
  for (const entry of entries) {
    if (!REMARKS.includes(entry.kind)) continue;
    const needs = graph.needsOf(entry);
    if (!needs.some((needed) => tried.has(needed))) continue;
    chosen.add(entry);
    tried.add(entry);
  }
}

/** Remarks and the attachment of an index follow what they belong to: they are not listed. */
const NOT_LISTED = [...REMARKS, 'INDEX ATTACH', 'TABLE ATTACH', 'SEQUENCE OWNED BY'];

function leftOutOf<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  state: State<Entry>,
): { entry: Entry; reason: string }[] {
  const { graph, own, existed, chosen, byAttach } = state;
  return entries.flatMap((entry) => {
    if (chosen.has(entry) || existed(entry) || byAttach.has(entry)) return [];
    if (NOT_LISTED.includes(entry.kind)) return [];
    const table = graph.tableOf(entry);
    const isWanted = own.has(entry) || (table !== undefined && own.has(table) && chosen.has(table));
    if (!isWanted || PUBLISHED.includes(entry.kind)) return [];
    return [{ entry, reason: reasonNotToMake(entry, state) ?? 'its needs contradict each other' }];
  });
}

/**
 * When a partition is attached, the server makes the indexes that its root has. An entry that made
 * them again would fail, or give a second index.
 */
function indexesOfAttached<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  { needsOf }: EntryGraph<Entry>,
  existed: Existed<Entry>,
): Set<Entry> {
  const attached = new Set<Entry>();
  const isIndex = ({ kind }: Entry) => kind === 'INDEX' || kind === 'CONSTRAINT';
  for (let before = -1; before !== attached.size; ) {
    before = attached.size;
    for (const entry of entries) {
      if (entry.kind !== 'INDEX ATTACH' || attached.has(entry) || existed(entry)) continue;
      const indexes = needsOf(entry).filter(isIndex);
      const child = indexes.find((index) => isNamed(index, entry));
      const isReady = (index: Entry) => existed(index) || attached.has(index);
      if (child === undefined || existed(child)) continue;
      if (!indexes.some((index) => index !== child && isReady(index))) continue;
      attached.add(entry).add(child);
    }
  }
  return attached;
}

const isNamed = (index: ArchiveEntry, { schema, name = '' }: ArchiveEntry) =>
  index.schema === schema &&
  (index.kind === 'INDEX' ? index.name === name : (index.name ?? '').endsWith(` ${name}`));
