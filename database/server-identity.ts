/** What tells one database from another, whatever host names lead to it. */
export interface ServerIdentity {
  /** PostgreSQL's version, e.g. `15.18`. */
  readonly serverVersion: string;
  /**
   * Equal on a server, its standbys and its copies. Undefined = the role may not call
   * pg_control_system(), or the server (Greenplum 6) does not have it.
   */
  readonly systemIdentifier: string | undefined;
  /** Equal in all sessions of one running server, and only there. */
  readonly instance: string;
  readonly isStandby: boolean;
  /** Undefined = the database does not exist. */
  readonly databaseOid: string | undefined;
}
