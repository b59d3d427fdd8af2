import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import { openSession } from '../../../database/session/session.ts';
import { startTool } from '../../../database/tools/process.ts';
import {
  type Authority,
  type Certificate,
  type Certificates,
  makeCertificates,
} from '../../support/servers/certificates.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { turnOnTls } from '../../support/servers/tls.ts';

const CLIENT = 'stowage_client';
/** Not in the server's certificate. */
const OTHER_ADDRESS = '127.0.0.2';
/** The first two lines decide for these databases; the test itself uses `postgres`. */
const HBA = [
  'hostssl only_tls all all trust',
  'hostnossl only_plain all all trust',
  `hostssl by_certificate ${CLIENT} all trust clientcert=verify-full`,
  'host postgres all all trust',
];

let folder: string;
let certificates: Certificates;
let authority: Authority;
let stranger: Authority;
let client: Certificate;
let servers: TestServer[];
let [withTls, withoutTls]: (TestServer | undefined)[] = [];
const inherited = { ...process.env };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-'));
  await chmod(folder, 0o755);
  certificates = await makeCertificates();
  authority = await certificates.authority('ours');
  stranger = await certificates.authority('stranger');
  client = await authority.issue(CLIENT);
  servers = await startCluster(2, {
    databases: ['only_tls', 'only_plain', 'by_certificate'],
    settings: { listen_addresses: `127.0.0.1,${OTHER_ADDRESS}` },
  });
  [withTls, withoutTls] = servers;
  await withTls?.psql(`CREATE ROLE ${CLIENT} LOGIN`);
  if (withTls !== undefined)
    await turnOnTls(withTls, folder, {
      certificate: await authority.issue('server'),
      clientCa: authority,
      hba: HBA,
    });
  process.env['HOME'] = folder;
});
afterEach(() => rm(join(folder, '.postgresql'), { recursive: true, force: true }));
afterAll(async () => {
  process.env = inherited;
  await stopAll(servers);
  await certificates?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** How a session of ours and a program of PostgreSQL connect: `TLS`, `plain` or the error. */
async function connect(target: ConnectionTarget | undefined): Promise<readonly string[]> {
  if (target === undefined) throw new Error('no server');
  return [await bySession(target), await byProgram(target)];
}

async function bySession(target: ConnectionTarget): Promise<string> {
  try {
    const arena = blockArena({ connections: 1, blocks: 2, frameBytes: 4096 });
    const options = { purpose: 'backup', applicationName: 'tls', receive: arena } as const;
    const session = await openSession(target, options);
    const [row] = await session.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    await session.close();
    expect(session.wire.encrypted).toBe(row?.ssl);
    return row?.ssl === true ? 'TLS' : 'plain';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

async function byProgram(target: ConnectionTarget): Promise<string> {
  const sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
  try {
    const tool = await startTool(target, 'psql', { args: ['-XAtc', sql, '--no-password'] });
    const [out] = await Promise.all([text(tool.stdout), tool.done]);
    return out.trim() === 't' ? 'TLS' : 'plain';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

const at = (database: string, more: Partial<ConnectionTarget> = {}) => ({
  ...(withTls?.target(database) as ConnectionTarget),
  ...more,
});
const matching = (...parts: string[]) => expect.stringMatching(parts.join('.*')) as string;

describe('a server without TLS', () => {
  it('gets a connection without TLS by prefer, which is the default', async () => {
    expect(await connect(withoutTls?.target())).toEqual(['plain', 'plain']);
  });

  it('is refused by name when the mode requires TLS', async () => {
    const target = withoutTls?.target();
    for (const sslmode of ['require', 'verify-full'] as const) {
      const sslrootcert = sslmode === 'require' ? {} : { sslrootcert: authority.certFile };
      expect(await connect(target && { ...target, sslmode, ...sslrootcert })).toEqual([
        matching('^database/tls: cannot connect to content 1', 'the server has no TLS', sslmode),
        matching('^database/tool: ', 'server does not support SSL'),
      ]);
    }
  });
});

describe('a server with TLS', () => {
  it('gets an encrypted connection by prefer and require, and a plain one by disable and allow', async () => {
    expect(await connect(at('postgres'))).toEqual(['TLS', 'TLS']);
    expect(await connect(at('postgres', { sslmode: 'require' }))).toEqual(['TLS', 'TLS']);
    for (const sslmode of ['disable', 'allow'] as const)
      expect(await connect(at('postgres', { sslmode }))).toEqual(['plain', 'plain']);
  });

  it('gets the other kind of connection by prefer and allow when pg_hba.conf rejects the first', async () => {
    expect(await connect(at('only_plain', { sslmode: 'prefer' }))).toEqual(['plain', 'plain']);
    expect(await connect(at('only_tls', { sslmode: 'allow' }))).toEqual(['TLS', 'TLS']);
    expect(await connect(at('only_tls', { sslmode: 'disable' }))).toEqual([
      matching('^database/denied', 'no encryption'),
      matching('no encryption'),
    ]);
  });

  it('is verified by its authority, and by verify-full also by its host', async () => {
    const sslrootcert = authority.certFile;
    for (const sslmode of ['require', 'verify-ca', 'verify-full'] as const)
      expect(await connect(at('postgres', { sslmode, sslrootcert }))).toEqual(['TLS', 'TLS']);
    const elsewhere = { host: OTHER_ADDRESS, sslrootcert };
    expect(await connect(at('postgres', { ...elsewhere, sslmode: 'verify-ca' }))).toEqual([
      'TLS',
      'TLS',
    ]);
    expect(await connect(at('postgres', { ...elsewhere, sslmode: 'verify-full' }))).toEqual([
      matching('^database/tls: ', `certificate is not for ${OTHER_ADDRESS}`),
      matching('^database/tool: ', 'does not match host name'),
    ]);
  });

  it('is refused by name when another authority has signed its certificate', async () => {
    for (const sslmode of ['require', 'verify-ca', 'verify-full'] as const)
      expect(await connect(at('postgres', { sslmode, sslrootcert: stranger.certFile }))).toEqual([
        matching('^database/tls: ', 'no authority in "', 'stranger.crt'),
        matching('^database/tool: ', 'certificate verify failed'),
      ]);
  });

  it('is refused before a connection when the root certificate is missing', async () => {
    const missing = matching(
      '^database/tls: ',
      'needs the certificate of an authority',
      'root.crt',
    );
    expect(await connect(at('postgres', { sslmode: 'verify-full' }))).toEqual([missing, missing]);
    const sslrootcert = join(folder, 'absent.crt');
    const named = matching('^database/tls: ', 'cannot read .*absent.crt', 'sslrootcert');
    expect(await connect(at('postgres', { sslmode: 'verify-ca', sslrootcert }))).toEqual([
      named,
      named,
    ]);
  });

  it('is verified by ~/.postgresql/root.crt, and by the authorities of the system', async () => {
    await mkdir(join(folder, '.postgresql'));
    await copyFile(authority.certFile, join(folder, '.postgresql/root.crt'));
    expect(await connect(at('postgres', { sslmode: 'verify-full' }))).toEqual(['TLS', 'TLS']);
    await copyFile(stranger.certFile, join(folder, '.postgresql/root.crt'));
    // As in libpq: prefer promises nothing, and goes on without TLS.
    expect(await connect(at('postgres'))).toEqual(['plain', 'plain']);
    process.env['SSL_CERT_FILE'] = authority.certFile;
    const system = { sslmode: 'verify-full', sslrootcert: 'system' } as const;
    expect(await connect(at('postgres', system))).toEqual(['TLS', 'TLS']);
    delete process.env['SSL_CERT_FILE'];
    expect(await connect(at('postgres', system))).toEqual([
      matching('^database/tls: ', 'no authority in "system"'),
      matching('^database/tool: ', 'certificate verify failed'),
    ]);
  });
});

describe('a server that asks for a client certificate', () => {
  const by = (more: Partial<ConnectionTarget>) =>
    at('by_certificate', { user: CLIENT, sslmode: 'require', ...more });
  const refused = (...parts: string[]) => {
    const both = matching('^database/tls: ', ...parts);
    return [both, both];
  };

  it('accepts the named one and the one in ~/.postgresql, and rejects a connection without', async () => {
    const { certFile: sslcert, keyFile: sslkey } = client;
    await chmod(sslkey, 0o600);
    expect(await connect(by({ sslcert, sslkey }))).toEqual(['TLS', 'TLS']);
    expect(await connect(by({ sslcert, sslkey, sslmode: 'prefer' }))).toEqual(['TLS', 'TLS']);
    expect(await connect(by({}))).toEqual([
      matching('^database/denied: ', 'requires a valid client certificate'),
      matching('^database/tool: ', 'requires a valid client certificate'),
    ]);
    await mkdir(join(folder, '.postgresql'));
    await copyFile(sslcert, join(folder, '.postgresql/postgresql.crt'));
    await copyFile(sslkey, join(folder, '.postgresql/postgresql.key'));
    expect(await connect(by({}))).toEqual(['TLS', 'TLS']);
  });

  it('rejects the certificate of another authority, and the error says so', async () => {
    const { certFile: sslcert, keyFile: sslkey } = await stranger.issue('foreign');
    await chmod(sslkey, 0o600);
    expect((await connect(by({ sslcert, sslkey })))[0]).toMatch(
      /^database\/tls: .*rejected the TLS handshake.*client certificate/,
    );
  });

  it('is not asked when the key has another mode, a passphrase, another certificate or no file', async () => {
    const { certFile: sslcert, keyFile } = client;
    const sslkey = join(folder, 'client.key');
    await copyFile(keyFile, sslkey);
    await chmod(sslkey, 0o644);
    expect(await connect(by({ sslcert, sslkey }))).toEqual(
      refused('client.key \\(mode 644\\)', 'chmod 600'),
    );
    await chmod(sslkey, 0o600);
    const locked = join(folder, 'locked.key');
    const aes = ['pkey', '-aes256', '-passout', 'pass:x', '-in', sslkey, '-out', locked];
    await promisify(execFile)('openssl', aes);
    await chmod(locked, 0o600);
    expect(await connect(by({ sslcert, sslkey: locked }))).toEqual(
      refused('locked.key ', 'protected by a passphrase'),
    );
    const other = await authority.issue('another');
    expect(await connect(by({ sslcert: other.certFile, sslkey }))).toEqual(
      refused('client.key does not belong to ', 'another.crt'),
    );
    expect(await connect(by({ sslcert, sslkey: join(folder, 'none') }))).toEqual(
      refused('cannot read .*none \\(connection.sslkey\\)'),
    );
  });
});
