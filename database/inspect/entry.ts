import { isIPv6 } from 'node:net';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { findPassword } from '../session/password-file.ts';
import type { Session } from '../session/session.ts';
import type { ServerCheck } from './check.ts';
import { type Admission, admissionOf } from './hba.ts';

const NO_ENTRY = /no pg_hba\.conf entry for host "([^"]+)", user "[^"]*", database "([^"]*)"/;
const REJECTED =
  /pg_hba\.conf rejects connection for host "([^"]+)", user "[^"]*", database "([^"]*)"/;

/** Why a session was rejected; when pg_hba.conf rejected it, with the line to add. */
export async function refusalOf(error: unknown, target: ConnectionTarget): Promise<string> {
  const text = messageOf(error);
  const [, address, database = ''] = NO_ENTRY.exec(text) ?? REJECTED.exec(text) ?? [];
  if (address === undefined) return text;
  const where = REJECTED.test(text) ? 'above the line that rejects it, ' : '';
  return `${text}; ${where}${await lineFor({ ...target, database }, address)}`;
}

/**
 * Whether the server would accept the shipper, which connects from the segment's own host. A
 * superuser
 * can read pg_hba.conf to find out. The file may be newer than what the server has loaded.
 */
export async function checkShipperEntry(session: Session, isHere: boolean): Promise<ServerCheck> {
  const name = 'shipper';
  const { target } = session;
  if (isHere)
    return { name, ok: true, detail: 'runs on this host and connects as this session did' };
  const place = `on ${target.host}`;
  let seen: { hba: string; address: string | null } | undefined;
  try {
    [seen] = await session.query<{ hba: string; address: string | null }>(
      "SELECT pg_read_file(current_setting('hba_file')) AS hba, host(inet_server_addr()) AS address",
    );
  } catch (error) {
    const why = sqlStateOf(error) === '42501' ? 'only a superuser may read it' : messageOf(error);
    const detail = `pg_hba.conf ${place} cannot be read from here (${why}); it must accept ${target.user} from ${target.host} itself`;
    return { name, ok: true, remark: true, detail };
  }
  const address = seen?.address ?? target.host;
  const { database, user } = target;
  const admission = admissionOf(seen?.hba ?? '', {
    database,
    user,
    address,
    tls: session.wire.encrypted,
  });
  return { name, ...(await judged(admission, target, address)) };
}

/** node-postgres supports none of these. */
const UNSUPPORTED = new Set(['reject', 'gss', 'sspi']);
const BY_PASSWORD = new Set(['md5', 'password', 'scram-sha-256', 'ldap', 'pam', 'radius', 'bsd']);

async function judged(
  admission: Admission,
  target: ConnectionTarget,
  address: string,
): Promise<Omit<ServerCheck, 'name'>> {
  const from = `from ${address} on ${target.host}`;
  if (admission.kind === 'no line')
    return {
      ok: false,
      detail: `no line of pg_hba.conf matches a connection ${from}; ${await lineFor(target, address)}`,
    };
  const line = `line ${admission.line} of pg_hba.conf`;
  if (admission.kind === 'unclear') {
    const detail = `${line} on ${target.host} decides, and Stowage cannot tell whether it matches: ${admission.text}`;
    return { ok: true, remark: true, detail };
  }
  const { method } = admission;
  if (UNSUPPORTED.has(method))
    return {
      ok: false,
      detail: `${line} rejects a connection ${from} (${method}); above it, ${await lineFor(target, address)}`,
    };
  if (method === 'cert') {
    const detail = `${line} requires a client certificate ${from}: connection.sslcert and connection.sslkey must name its files there`;
    return { ok: true, remark: true, detail };
  }
  if (!BY_PASSWORD.has(method))
    return { ok: true, detail: `${line} accepts a connection ${from} (${method})` };
  // The shipper's job carries PGPASSWORD, but not the password file.
  if (target.password !== undefined)
    return { ok: true, detail: `${line} requires a password ${from} (${method})` };
  const detail = `${line} requires a password ${from} (${method}): set PGPASSWORD here, or put it in ~/.pgpass there`;
  return { ok: true, remark: true, detail };
}

async function lineFor(target: ConnectionTarget, address: string): Promise<string> {
  const method = (await findPassword(target)) === undefined ? 'trust' : 'md5';
  const range = `${address}/${isIPv6(address) ? 128 : 32}`;
  const line = `host ${quoted(target.database)} ${quoted(target.user)} ${range} ${method}`;
  return `add to pg_hba.conf of ${target.host}:${target.port} "${line}", then gpstop -u`;
}

/** Unquoted when it cannot be read as a keyword. */
function quoted(name: string): string {
  return /^[a-z_][\w$]*$/i.test(name) && !/^(all|same\w+|replication)$/.test(name)
    ? name
    : `"${name}"`;
}
