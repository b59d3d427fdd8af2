import { poll } from '../../../async/poll.ts';
import type { RelationWitness } from '../../../backup-set/witness/kinds.ts';
import type { Reason } from '../../../backup-set/witness/reasons.ts';
import type { WalSummarySource } from '../../../backup-set/witness/wal-summary.ts';
import { openSession, type Session } from '../../session/session.ts';
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
import { readChanges, readSummaries } from './changes.ts';
import { inspectWalSummary, whyUnavailable } from './inspect.ts';

const POLL_MS = 50;

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

async function withSession<Result>(
  { target, signal }: WitnessPlace,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage backup witness',
    signal,
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** @throws StowageError when it takes too long. */
async function checkpoint(session: Session, waitMs: number): Promise<void> {
  using _ = session.mayBeSilent();
  await session.query(`SET statement_timeout = ${Math.ceil(waitMs)}`);
  await session.query('CHECKPOINT');
  await session.query('SET statement_timeout = 0');
}

async function collect(
  session: Session,
  position: Position,
  { waitMs, signal }: WitnessPlace,
  { tables, base, server }: CollectTerms,
): Promise<Collected | Unavailable> {
  await checkpoint(session, waitMs);
  const look = async () => {
    const summaries = await readSummaries(session, position.timeline);
    const anchor = summaryAt(summaries, position.lsn);
    return anchor && { summaries, anchor };
  };
  const found = await poll(look, { everyMs: POLL_MS, timeoutMs: waitMs, signal });
  if (found === undefined)
    return {
      unavailable: `no WAL summary has reached ${position.lsn} within ${waitMs / 1000} s (backup.witnesses.waitSeconds)`,
    };
  const { anchor, summaries } = found;
  const source: WalSummarySource = {
    kind: 'wal-summary',
    ...position,
    anchor: { start: anchor.start, end: anchor.end },
  };
  const since = sinceBase(base, position, summaries);
  if (since === undefined) return { source, tables: witnessesOf(tables, () => undefined) };
  const changes = await readChanges(session, {
    timeline: position.timeline,
    from: since,
    to: position.lsn,
    databaseOid: server.databaseOid,
  });
  return {
    source: { ...source, since },
    tables: witnessesOf(tables, (table) => changes.of(table)),
  };
}

/** The position of the base, when the summaries tell everything that happened since. */
function sinceBase(
  base: CollectTerms['base'],
  { timeline, lsn }: Position,
  summaries: readonly Summary[],
): string | undefined {
  if (base?.kind !== 'wal-summary' || base.timeline !== timeline) return undefined;
  // A copy of the data directory can have the same timeline, and another history.
  const isSameHistory = summaries.some(
    ({ start, end }) => start === base.anchor.start && end === base.anchor.end,
  );
  return isSameHistory && coversAll(summaries, base.lsn, lsn) ? base.lsn : undefined;
}

function witnessesOf(
  tables: readonly TableFacts[],
  changedBlocks: (table: TableFacts) => number | undefined,
): ReadonlyMap<number, RelationWitness | Reason> {
  return new Map(tables.map((table) => [table.oid, witnessOf(table, changedBlocks(table))]));
}

function witnessOf(table: TableFacts, changed: number | undefined): RelationWitness | Reason {
  const { oid, file, toastFile, shape, accessMethod, unlogged } = table;
  if (unlogged) return 'unlogged';
  if (accessMethod !== 'heap') return 'access-method';
  if (shape === undefined) return 'type-unknown';
  return {
    kind: 'wal-summary',
    oid,
    file,
    ...(toastFile !== undefined && { toastFile }),
    shape,
    ...(changed !== undefined && { changedBlocks: changed }),
  };
}
