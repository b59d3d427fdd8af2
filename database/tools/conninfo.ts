import type { ConnectionTarget } from '../flavour.ts';
import { stallMsOf } from '../liveness/stalled.ts';
import { quoteConninfo } from '../session/quote.ts';

/**
 * The database as a connection string for `--dbname`, with keepalives: a program must notice that
 * the host of its server is gone. libpq has no environment variables for these, and the rest comes
 * from the environment (process.ts), so that no secret is an argument.
 */
export function conninfoOf(target: ConnectionTarget): string {
  const { database, greenplum } = target;
  const keepalives = 'keepalives=1 keepalives_idle=30 keepalives_interval=10 keepalives_count=3';
  // libpq has it since PostgreSQL 12, and Greenplum 6 is older.
  const unsent = greenplum === undefined ? ` tcp_user_timeout=${stallMsOf(target)}` : '';
  return `dbname=${quoteConninfo(database)} ${keepalives}${unsent}`;
}
