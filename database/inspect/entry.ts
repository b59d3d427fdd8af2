import { isIPv6 } from 'node:net';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { findPassword } from '../session/password-file.ts';
import type { Session } from '../session/session.ts';
import type { ServerCheck } from './check.ts';
import { type Admission, admissionOf } from './hba.ts';

const NOT_ENTERED = /no pg_hba\.conf entry for host "([^"]+)", user "[^"]*", database "([^"]*)"/;
const REJECTED =
  /pg_hba\.conf rejects connection for host "([^"]+)", user "[^"]*", database "([^"]*)"/;

/** Why a session was refused; when pg_hba.conf did it, with the line that would let it in. */
export async function refusalOf(error: unknown, target: ConnectionTarget): Promise<string> {
  const text = messageOf(error);
  const [, address, database = ''] = NOT_ENTERED.exec(text) ?? REJECTED.exec(text) ?? [];
  if (address === undefined) return text;
  const where = REJECTED.test(text) ? 'above the line that rejects, ' : '';
  return `${text}; ${where}${await lineFor({ ...target, database }, address)}`;
}

/**
 * Whether the shipper would be let in on the host of its segment. From there it comes with the server's own address,
 * and a superuser can read what pg_hba.conf says to that; the file may be newer than what the server has loaded.
 */
export async function checkShipperEntry(session: Session, isHere: boolean): Promise<ServerCheck> {
  const name = 'shipper';
  const { target } = session;
  if (isHere)
    return { name, ok: true, detail: 'will run on this host, and come in as this session did' };
  const place = `on ${target.host}`;
  let seen: { hba: string; address: string | null } | undefined;
  try {
    [seen] = await session.query<{ hba: string; address: string | null }>(
      "SELECT pg_read_file(current_setting('hba_file')) AS hba, host(inet_server_addr()) AS address",
    );
  } catch (error) {
    const why = sqlStateOf(error) === '42501' ? 'only a superuser may read it' : messageOf(error);
    const detail = `pg_hba.conf ${place} cannot be seen from here (${why}); it must let ${target.user} in from ${target.host} itself`;
    return { name, ok: true, remark: true, detail };
  }
  const address = seen?.address ?? target.host;
  const { database, user, sslmode = 'disable' } = target;
  const admission = admissionOf(seen?.hba ?? '', {
    database,
    user,
    address,
    tls: sslmode !== 'disable',
  });
  return { name, ...(await judged(admission, target, address)) };
}

/** node-postgres speaks none of these. */
const NOT_FOR_US = new Set(['reject', 'gss', 'sspi', 'cert']);
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
      detail: `no line of pg_hba.conf lets it in ${from}; ${await lineFor(target, address)}`,
    };
  const line = `line ${admission.line} of pg_hba.conf`;
  if (admission.kind === 'unclear') {
    const detail = `${line} there decides, and cannot be judged from here: ${admission.text}`;
    return { ok: true, remark: true, detail };
  }
  const { method } = admission;
  if (NOT_FOR_US.has(method))
    return {
      ok: false,
      detail: `${line} keeps it out ${from} (${method}); above it ${await lineFor(target, address)}`,
    };
  if (!BY_PASSWORD.has(method))
    return { ok: true, detail: `${line} lets it in ${from} (${method})` };
  // What is in PGPASSWORD goes along with its job, a password file does not.
  if (target.password !== undefined)
    return { ok: true, detail: `${line} asks for a password ${from} (${method})` };
  const detail = `${line} asks for a password ${from} (${method}): in PGPASSWORD here, or ~/.pgpass there`;
  return { ok: true, remark: true, detail };
}

async function lineFor(target: ConnectionTarget, address: string): Promise<string> {
  const method = (await findPassword(target)) === undefined ? 'trust' : 'md5';
  const range = `${address}/${isIPv6(address) ? 128 : 32}`;
  const line = `host ${quoted(target.database)} ${quoted(target.user)} ${range} ${method}`;
  return `add to pg_hba.conf of ${target.host}:${target.port} "${line}", then gpstop -u`;
}

/** Bare when it can be nothing but a name. */
function quoted(name: string): string {
  return /^[a-z_][\w$]*$/i.test(name) && !/^(all|same\w+|replication)$/.test(name)
    ? name
    : `"${name}"`;
}
