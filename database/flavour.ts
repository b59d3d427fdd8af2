import type { Selection } from '../backup-set/base/selection.ts';
import type { DefinedObject, Locale } from '../backup-set/documents/plan.ts';
import type { DiscoveredRelation, NotShippedReason } from './discovered.ts';
import type { GreenplumMajor } from './greenplum/majors.ts';
import type { PlacedCheck } from './inspect/check.ts';
import type { ServerIdentity } from './server-identity.ts';
import type { SslMode } from './session/tls/modes.ts';
import type { Asks } from './witness/asks.ts';

/**
 * A kind of cluster: what its configuration holds, and how one is opened. Each has a folder in
 * `database/` and a line in `flavours.ts`; no other file asks for a flavour by its name.
 */
export interface FlavourDefinition {
  /** Where the segments come from: the configuration lists them, or the coordinator knows them. */
  readonly segments: 'listed' | 'discovered';
  /** The ways to take a snapshot of the whole cluster. */
  readonly snapshotMechanisms: readonly SnapshotMechanism[];
  /** The environment variable with the folder of the server's programs, which are in its `bin`. */
  readonly homeVariable?: string;
  /** True when the coordinator's host can start programs on every segment host by ssh. */
  readonly reachesHostsBySsh: boolean;
  /** What is wrong with a configuration, field by field. */
  configProblems(
    settings: ClusterSettings & { readonly snapshot: SnapshotMechanism },
  ): readonly ConfigProblem[];
  open(settings: ClusterSettings, connect: Connect): Flavour;
  /**
   * Checks whether a backup of the configured database can work. Changes and locks nothing.
   * @throws never: what cannot be checked is a check that failed.
   */
  inspect(settings: ClusterSettings, options: InspectOptions): Promise<PlacedCheck[]>;
}

/** The fields of a configuration that tell where the cluster is. */
export interface ClusterSettings {
  readonly segments: readonly Pick<Segment, 'content' | 'host' | 'port'>[];
  readonly coordinator?: { readonly host: string; readonly port: number } | undefined;
}

export interface ConfigProblem {
  /** The field, e.g. `['backup', 'snapshot']`. */
  readonly path: readonly string[];
  readonly message: string;
}

/** How to reach an instance with the configured user, password and TLS settings. */
export type Connect = (segment: Segment) => ConnectionTarget;

export interface InspectOptions {
  readonly connect: Connect;
  /** Whether a segment's shipper runs on this machine, and so connects from the same address. */
  readonly shipsFromHere: (segment: Segment) => boolean;
  /** Connections that move rows, per segment. */
  readonly workers: number;
  /** `coordinator`: the backup asks no other instance. */
  readonly through: 'segments' | 'coordinator';
  readonly clock: () => Date;
  readonly signal?: AbortSignal | undefined;
}

/** The port to one cluster. What differs between the flavours is behind these calls. */
export interface Flavour {
  /** The instances that hold the cluster's data now, in order of content id. */
  topology(): Promise<readonly Segment[]>;

  /**
   * The same instances, and which servers they are.
   * @throws StowageError `config/invalid` when a server is of another flavour, as `openSession`.
   */
  servers(options: ServersOptions): Promise<readonly Server[]>;

  /**
   * Takes one consistent snapshot of all segments and keeps it open until `release`.
   * @throws StowageError `database/locked` naming the blocking sessions when the barrier times out.
   */
  takeSnapshot(options: SnapshotOptions): Promise<HeldSnapshot>;
}

/** One database instance with a part of the data. */
export interface Segment {
  /** 0…N−1; −1 is the coordinator. */
  readonly content: number;
  readonly host: string;
  readonly port: number;
  /** libpq's `options` for a session with this instance alone, e.g. `-c gp_role=utility`. */
  readonly options?: string;
  /** The major version, when this is a Greenplum coordinator; absent = all other instances. */
  readonly greenplum?: GreenplumMajor;
  /** The data directory on its host, where the flavour knows it. */
  readonly dataDir?: string;
  /** A backup through the coordinator: no session may be a utility session. */
  readonly ordinaryOnly?: true;
}

export interface ServersOptions {
  /** Asked through a maintenance database: the database of the cluster may not exist yet. */
  readonly mayLackDatabase: boolean;
  readonly applicationName: string;
  readonly signal?: AbortSignal | undefined;
  /** Called when the servers do not answer yet, and the call goes on waiting for them. */
  readonly onWaiting?: ((note: string) => void) | undefined;
}

/** One instance, and which server it is. */
export interface Server {
  readonly segment: Segment;
  /** Absent on Greenplum's segments: its catalog has one row for each. */
  readonly identity?: ServerIdentity;
  /** Of a Greenplum coordinator, e.g. `6.24.3`. */
  readonly release?: string;
}

/**
 * How to reach one instance. The password leaves this value only by PGPASSWORD or the connection.
 */
export interface ConnectionTarget {
  /** Which segment this is, for errors; absent for a database outside the cluster. */
  readonly content?: number;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** libpq's `options`: settings that the server needs at the start of the session. */
  readonly options?: string;
  /** As in `Segment`. */
  readonly greenplum?: GreenplumMajor;
  readonly ordinaryOnly?: true;
  readonly password?: string;
  /** Absent = `prefer`. */
  readonly sslmode?: SslMode;
  /** Files on this host; absent = those of ~/.postgresql, as in libpq. */
  readonly sslrootcert?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  /** How long it may be silent while it owes an answer; absent = STALL_SECONDS_DEFAULT. */
  readonly stallSeconds?: number;
  /**
   * The folder of PostgreSQL's programs on this host, e.g. `/usr/lib/postgresql/15/bin`; absent =
   * searched for.
   */
  readonly binDir?: string;
}

/**
 * `barrier`: every segment exports a snapshot while writers wait; `dispatch`: the coordinator, and
 * the segments send their rows; `coordinator`: it also reads all rows.
 */
export type SnapshotMechanism = 'barrier' | 'dispatch' | 'coordinator';

/** Which rows a backup ships. */
export interface Wanted extends Selection {
  /** Whether rows of unlogged tables are shipped; absent = yes. */
  readonly unloggedRows?: boolean;
}

export interface SnapshotOptions extends Pick<ServersOptions, 'signal' | 'onWaiting'> {
  readonly selection: Wanted;
  /**
   * Longest wait for one SHARE lock; below deadlock_timeout, so that the server cancels no session
   * for us.
   */
  readonly lockTimeoutMs: number;
  /** Attempts before giving up. */
  readonly attemptsMax: number;
  /** Absent = `barrier`. */
  readonly mechanism?: SnapshotMechanism;
  /** What `servers` has told. A flavour that checks them under the snapshot does not ask again. */
  readonly servers?: readonly Server[];
  /** Dispatch: how many sessions share the snapshot. */
  readonly connections?: number;
  /** Dispatch: the coordinator's shipper reads tables of fewer bytes; absent = none. */
  readonly smallTableBytes?: number;
  /** The start of our sessions' application_name; absent = `stowage backup`. */
  readonly label?: string;
  /** Called for each failed attempt, to show the blocking sessions meanwhile. */
  readonly onBlocked?: (blocked: Blocked) => void;
  /** Called when a step of the snapshot begins, with what it does. A step can take minutes. */
  readonly onStep?: ((step: string) => void) | undefined;
  /** Called for each node while writers are stopped, so briefly. An error is ignored. */
  readonly underBarrier?: (content: number, session: Asks) => Promise<void>;
}

/** A barrier attempt that could not take a lock, and the sessions that blocked it. */
export interface Blocked {
  readonly content: number;
  readonly attempt: number;
  readonly relation: string;
  readonly blockers: readonly Blocker[];
  /** No session blocked it: the locks were not taken within this time. */
  readonly lateMs?: number;
}

/** A session, or a prepared transaction, that holds or awaits a conflicting lock. */
export interface Blocker {
  /** 0 = a prepared transaction, which has no session. */
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  readonly state: string;
  readonly query: string;
  readonly runningMs: number;
  /** Of a prepared transaction: its global identifier, and when it was prepared. */
  readonly prepared?: { readonly gid: string; readonly since: string };
}

/** A snapshot of the whole cluster, held open by one connection per segment. */
export interface HeldSnapshot {
  readonly nodes: readonly NodeSnapshot[];
  /** The segments of the cluster, when they are no nodes: through the coordinator. */
  readonly segments?: number;
  readonly takenAt: Date;
  /**
   * The longest time that one statement of a writer may have waited for an attempt, failed ones
   * included, on any segment, in milliseconds.
   */
  readonly writerWaitMs: number;
  readonly attempts: number;
  /**
   * Rejects when a connection that holds the snapshot breaks, or a statement of it has waited too
   * long for a lock: the backup must fail. Never resolves.
   */
  readonly lost: Promise<never>;
  /** Present when the coordinator's statements send the rows, to programs on the segment hosts. */
  readonly dispatch?: Dispatch;
  /** Ends all transactions and connections; bounded in time; safe to call twice. */
  release(): Promise<void>;
}

/** Sessions that see one snapshot of the whole cluster. */
export interface Dispatch {
  readonly connections: number;
  /**
   * Makes every segment send its rows to this program; for a replicated table, or with a condition,
   * the coordinator. Returns the database's row count. One call at a time per connection,
   * 0 to connections − 1.
   */
  copyOut(
    connection: number,
    relation: Pick<DiscoveredRelation, 'schema' | 'name' | 'columns' | 'condition' | 'replicated'>,
    program: string,
    options: { readonly encoding: string; readonly signal?: AbortSignal | undefined },
  ): Promise<number>;
}

/** What the catalogs of one segment contain under its snapshot. */
export interface NodeSnapshot {
  readonly segment: Segment;
  /** For SET TRANSACTION SNAPSHOT. Absent where no rows are read by a session of a shipper. */
  readonly snapshotId?: string;
  /**
   * Whether definitions, roles and sequences are read here: every shard, but only Greenplum's
   * coordinator.
   */
  readonly definitions: boolean;
  /** e.g. "15.18" */
  readonly serverVersion: string;
  readonly encoding: string;
  readonly locale: Locale;
  readonly relations: readonly DiscoveredRelation[];
  readonly notShipped: readonly {
    schema: string;
    name: string;
    kind: string;
    reason: NotShippedReason;
    /** Null: it is no part of a partitioned table. */
    partitionRoot: { readonly schema: string; readonly name: string } | null;
  }[];
  /** Materialized views that were populated, in an order in which they can be refreshed. */
  readonly refresh: readonly { schema: string; name: string }[];
  readonly largeObjects: number;
  /** Where definitions are read: what pg_dump leaves out, and which passwords it writes. */
  readonly gaps?: DumpGaps;
  /** The role may not read roles, and the set gets no globals. */
  readonly withoutGlobals?: true;
}

/** How the definitions in a set differ from those of the database: by name, never by value. */
export interface DumpGaps {
  /** What pg_dump does not write for this role. It exits with 0 all the same. */
  readonly leftOut: readonly DefinedObject[];
  /** Objects whose definitions hold a password, in the set as in the catalog. */
  readonly secrets: readonly DefinedObject[];
}
