import type { Name } from '../../backup-set/base/document.ts';
import type {
  ContentWitness,
  RelationWitness,
  WitnessKind,
  WitnessSource,
} from '../../backup-set/witness/kinds.ts';
import type { Reason } from '../../backup-set/witness/reasons.ts';
import type { ConnectionTarget } from '../flavour.ts';
import type { ServerCheck } from '../inspect/check.ts';
import type { Session } from '../session/session.ts';
import type { Asks } from './asks.ts';

/**
 * A way in which a server can prove that tables did not change since the base. A flavour lists the
 * providers that it has, the best first: a table gets the witness of the first that has one.
 * Everything that a provider cannot prove is read, so no failure of a provider ends a backup.
 */
export interface WitnessProvider {
  readonly kind: WitnessKind;
  /**
   * Before the snapshot, nothing is locked. @returns why this server gives no witness of this kind.
   * @throws StowageError, which means the same.
   */
  prepare(place: WitnessPlace): Promise<WitnessProbe | Unavailable>;
  /** For doctor: whether the server gives such witnesses, and if not, what to do. */
  inspect(session: Session): Promise<ServerCheck>;
}

/** Why there is no witness, for the operator, and what to do about it. */
export interface Unavailable {
  readonly unavailable: string;
  /** This kind of server never has it: only doctor says so. */
  readonly unsupported?: true;
}

/** What a flavour has of witnesses. */
export interface WitnessSupport {
  /** The best first. */
  readonly providers: readonly WitnessProvider[];
  /** Reads which server this is, and its tables, in a session of the snapshot. */
  readTables(session: Session): Promise<ServerTables>;
}

export interface ServerTables {
  readonly server: Pick<ContentWitness, 'systemIdentifier' | 'databaseOid'>;
  readonly tables: readonly TableFacts[];
}

/** Where in its history a server is: fields of some sources. */
export interface ServerHistory {
  readonly timeline: number;
  readonly lsn: string;
  readonly dbid?: number;
}

/** One server, and the bounds of the work on it. */
export interface WitnessPlace {
  readonly target: ConnectionTarget;
  /** Longest wait for one thing, e.g. a checkpoint. */
  readonly waitMs: number;
  /** Blocks per range of a table that can be read in part. Absent = tables are read as a whole. */
  readonly rangeBlocks?: number;
  readonly signal: AbortSignal;
}

/** A prepared witness of one server. */
export interface WitnessProbe {
  /**
   * While writers are stopped, once per attempt of the barrier: at most one fast statement on a
   * session without a transaction. Absent = there is nothing to read then.
   */
  underBarrier?(session: Asks): Promise<void>;
  /**
   * After the barrier has ended, while the snapshot is held.
   * @throws StowageError: there is no witness after all.
   */
  collect(terms: CollectTerms): Promise<Collected | Unavailable>;
}

export interface CollectTerms {
  /** Sees what the backup sees. */
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Tables that have no witness yet. */
  readonly tables: readonly TableFacts[];
  /** What the base has of this kind. Absent = nothing can be proven now, only later. */
  readonly base: WitnessSource | undefined;
  readonly server: ServerTables['server'];
}

export interface Collected {
  readonly source: WitnessSource;
  /** By oid. A table without an entry has no witness of this kind. */
  readonly tables: ReadonlyMap<number, RelationWitness | Reason>;
}

/** A table as the catalogs describe it under the snapshot. */
export interface TableFacts extends Name {
  readonly oid: number;
  /** The name of its access method, e.g. `heap`; Greenplum 6: its storage. */
  readonly accessMethod: string;
  readonly unlogged: boolean;
  /** About as many blocks as it has. Absent = it cannot be read in ranges of blocks. */
  readonly pages?: number;
  /** relfilenode. */
  readonly file: number;
  readonly toastOid?: number;
  readonly toastFile?: number;
  /** Absent = what COPY prints of it depends on more than pages and columns. */
  readonly shape?: string;
}
