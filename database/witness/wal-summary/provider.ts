import { poll } from '../../../async/poll.ts';
import { rangesOf as rangesIn } from '../../../backup-set/documents/plan.ts';
import type { BlockRanges } from '../../../backup-set/witness/block-ranges.ts';
import type { RelationWitness } from '../../../backup-set/witness/kinds.ts';
import type { Reason } from '../../../backup-set/witness/reasons.ts';
import type { WalSummarySource } from '../../../backup-set/witness/wal-summary.ts';
import type { Session } from '../../session/session.ts';
import { checkpoint, withSession } from '../place.ts';
import type {
  Collected,
  CollectTerms,
  TableFacts,
  Unavailable,
  WitnessPlace,
  WitnessProbe,
  WitnessProvider,
} from '../provider.ts';
import { coversAll, type Summary, summaryAt } from './chain.ts';
import { type Changes, readChanges, readSummaries, storedAtOf } from './changes.ts';
import { inspectWalSummary, whyUnavailable } from './inspect.ts';

const POLL_MS = 50;
/** Fewer are not worth a COPY each. */
const RANGES_MIN = 2;

/** PostgreSQL 17 and newer: the server's own list of the blocks that changed. */
export const walSummary: WitnessProvider = {
  kind: 'wal-summary',
  async prepare(place) {
    const unavailable = await withSession(place, async (session) => {
      const why = await whyUnavailable(session);
      // A summary then ends just before the barrier: changes before it are not counted twice.
      if (why === undefined) await checkpoint(session, place.waitMs);
      return why;
    });
    return unavailable ?? probeOf(place);
  },
  inspect: inspectWalSummary,
};

interface Position {
  readonly lsn: string;
  readonly timeline: number;
}

function probeOf(place: WitnessPlace): WitnessProbe {
  let seen: Position | undefined;
  return {
    async underBarrier(session) {
      seen = undefined;
      const [row] = await session.query<{ lsn: string; file: string }>(
        `SELECT l::text AS lsn, pg_catalog.pg_walfile_name(l) AS file
         FROM pg_catalog.pg_current_wal_insert_lsn() l`,
      );
      if (row !== undefined)
        seen = { lsn: row.lsn, timeline: Number.parseInt(row.file.slice(0, 8), 16) };
    },
    async collect(terms) {
      const position = seen;
      if (position === undefined)
        return { unavailable: 'the position of the WAL could not be read under the barrier' };
      return withSession(place, (session) => collect(session, position, place, terms));
    },
  };
}

async function collect(
  session: Session,
  position: Position,
  { waitMs, signal, rangeBlocks }: WitnessPlace,
  { tables, base, server }: CollectTerms,
): Promise<Collected | Unavailable> {
  await checkpoint(session, waitMs);
  const look = async () => {
    const summaries = await readSummaries(session, position.timeline);
    const anchor = summaryAt(summaries, position.lsn);
    const storedAt = anchor && (await storedAtOf(session, anchor));
    return anchor && storedAt !== undefined ? { summaries, anchor, storedAt } : undefined;
  };
  const found = await poll(look, { everyMs: POLL_MS, timeoutMs: waitMs, signal });
  if (found === undefined)
    return {
      unavailable: `no WAL summary has reached ${position.lsn} within ${waitMs / 1000} s (backup.witnesses.waitSeconds)`,
    };
  const { anchor, summaries, storedAt } = found;
  const source: WalSummarySource = {
    kind: 'wal-summary',
    ...position,
    anchor: { start: anchor.start, end: anchor.end, storedAt },
  };
  const since = await sinceBase(session, base, position, summaries);
  if (since === undefined) return { source, tables: witnessesOf(tables, undefined, rangeBlocks) };
  const between = {
    timeline: position.timeline,
    from: since,
    to: position.lsn,
    databaseOid: server.databaseOid,
  };
  const changes = await readChanges(session, between, rangeBlocks ?? 1);
  return { source: { ...source, since }, tables: witnessesOf(tables, changes, rangeBlocks) };
}

/** The position of the base, when the summaries tell everything that happened since. */
async function sinceBase(
  session: Session,
  base: CollectTerms['base'],
  { timeline, lsn }: Position,
  summaries: readonly Summary[],
): Promise<string | undefined> {
  if (base?.kind !== 'wal-summary' || base.timeline !== timeline) return undefined;
  // A copy of the data directory can have the same timeline, and another history. Two histories can
  // write equally many bytes, and then have the same positions, but not at the same time.
  const anchor = summaries.find(
    ({ start, end }) => start === base.anchor.start && end === base.anchor.end,
  );
  if (anchor === undefined || !coversAll(summaries, base.lsn, lsn)) return undefined;
  return (await storedAtOf(session, anchor)) === base.anchor.storedAt ? base.lsn : undefined;
}

function witnessesOf(
  tables: readonly TableFacts[],
  changes: Changes | undefined,
  rangeBlocks: number | undefined,
): ReadonlyMap<number, RelationWitness | Reason> {
  return new Map(tables.map((table) => [table.oid, witnessOf(table, changes, rangeBlocks)]));
}

function witnessOf(
  table: TableFacts,
  changes: Changes | undefined,
  rangeBlocks: number | undefined,
): RelationWitness | Reason {
  const { oid, file, toastFile, shape, accessMethod, unlogged } = table;
  if (unlogged) return 'unlogged';
  if (accessMethod !== 'heap') return 'access-method';
  if (shape === undefined) return 'type-unknown';
  const ranges = rangesOf(table, changes, rangeBlocks);
  return {
    kind: 'wal-summary',
    oid,
    file,
    ...(toastFile !== undefined && { toastFile }),
    shape,
    ...(changes && { changedBlocks: changes.of(table) }),
    ...(ranges && { ranges }),
  };
}

/** A table of two whole ranges or more as ranges. */
function rangesOf(
  table: TableFacts,
  changes: Changes | undefined,
  blocks = Number.POSITIVE_INFINITY,
): BlockRanges | undefined {
  const count = Math.floor((table.pages ?? 0) / blocks);
  if (count < RANGES_MIN) return undefined;
  const changed = changes?.rangesOf(table)?.map((range) => Math.min(range, count - 1));
  return { blocks, count, ...(changed && { changed: rangesIn(changed) }) };
}
