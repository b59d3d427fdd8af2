import type { Session } from '../session/session.ts';
import { DEFAULT_SSL_MODE } from '../session/tls/modes.ts';
import type { ServerCheck } from './check.ts';

/** Whether rows cross a network in clear. Never a failure: it is for the operator to decide. */
export function checkEncryption({ wire, target }: Pick<Session, 'wire' | 'target'>): ServerCheck {
  const name = 'encryption';
  const { sslmode = DEFAULT_SSL_MODE } = target;
  if (wire.encrypted)
    return { name, ok: true, detail: `${wire.protocol ?? 'TLS'}; ${identityBy(sslmode)}` };
  if (!wire.leavesHost)
    return { name, ok: true, detail: 'none: the connection stays on this host' };
  const where = `${target.host}:${target.port}`;
  const cause =
    sslmode === 'disable' ? 'connection.sslmode is disable' : `${where} accepted no TLS`;
  return {
    name,
    ok: true,
    remark: true,
    detail: `none: rows cross the network in clear, and a changed bit is not noticed (${cause}). Set ssl = on on the server, and connection.sslmode to verify-full`,
  };
}

function identityBy(sslmode: string): string {
  switch (sslmode) {
    case 'verify-full':
      return "the server's certificate is verified for this host";
    case 'verify-ca':
      return "the server's certificate is verified, but not its host: sslmode verify-full does both";
    default:
      return `sslmode ${sslmode} does not prove which server this is: verify-full does`;
  }
}
