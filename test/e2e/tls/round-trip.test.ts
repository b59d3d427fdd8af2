import { chmod } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import {
  type Certificate,
  type Certificates,
  makeCertificates,
} from '../../support/servers/certificates.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { turnOnTls } from '../../support/servers/tls.ts';

const USER = 'backup_role';

let place: Place;
let servers: TestServer[];
let certificates: Certificates;
let client: Certificate;
let connection: Readonly<Record<string, unknown>>;
let root: string;
let timestamp: string;

/** Only a superuser with a certificate of our authority may connect, and only with TLS. */
beforeAll(async () => {
  place = await directoryPlace();
  await chmod(place.folder, 0o755);
  root = place.newRoot();
  certificates = await makeCertificates();
  const authority = await certificates.authority('ours');
  client = await authority.issue(USER);
  servers = await startCluster(1, { databases: [DATABASE] });
  for (const server of servers) {
    await server.psql(`CREATE ROLE ${USER} SUPERUSER LOGIN`);
    await server.psql(
      'CREATE TABLE numbers AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n',
      DATABASE,
    );
    await turnOnTls(server, place.folder, {
      certificate: await authority.issue('server'),
      clientCa: authority,
      hba: [`hostssl all ${USER} all cert`, 'host all postgres all trust'],
    });
  }
  connection = {
    user: USER,
    binDir: servers[0]?.binDir,
    sslmode: 'verify-full',
    sslrootcert: authority.certFile,
    sslcert: client.certFile,
    sslkey: client.keyFile,
  };
});
afterAll(async () => {
  await stopAll(servers);
  await certificates?.remove();
  await place?.stop();
});

const run = async (args: string[], more: Readonly<Record<string, unknown>> = {}) =>
  stowage(args, {
    config: await configFor(place, servers, root, { connection: { ...connection, ...more } }),
  });

test('a backup and a restore use verify-full and a client certificate in all sessions and programs', async () => {
  const backup = await run(['backup']);
  expect(failureOf(backup)).toBeUndefined();
  timestamp = backup.json.timestamp;
  const restored = await run(['restore', timestamp, '--create', '--database', 'copy']);
  expect(failureOf(restored)).toBeUndefined();
  expect(await servers[0]?.psql('SELECT count(*), min(md5) FROM numbers', 'copy')).toBe(
    await servers[0]?.psql('SELECT count(*), min(md5) FROM numbers', DATABASE),
  );
});

test('doctor names the encryption, and refuses a key that other users may read', async () => {
  const { text } = await run(['doctor']);
  expect(text).toMatch(
    /"name":"encryption","ok":true,"detail":"TLSv1\.\d; [^"]* verified for this host"/,
  );
  await chmod(client.keyFile, 0o644);
  const bad = await run(['doctor']);
  await chmod(client.keyFile, 0o600);
  expect(bad.code).toBe(4);
  expect(bad.text).toContain('chmod 600');
  const refused = await run(['backup'], { sslcert: undefined, sslkey: undefined });
  expect([refused.code, refused.json.error.code]).toEqual([6, 'database/denied']);
});
