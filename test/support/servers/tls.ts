import { chmod, chown, copyFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';
import type { TestServer } from './postgres.ts';

export interface ServerTls {
  readonly certificate: Certificate;
  /** The authority of the clients' certificates. */
  readonly clientCa?: Certificate;
  /** The lines of pg_hba.conf; absent = as initdb wrote them. */
  readonly hba?: readonly string[];
}

/** Has a running server take TLS; its key must belong to the user that it runs as. */
export async function turnOnTls(
  server: TestServer,
  folder: string,
  { certificate, clientCa, hba }: ServerTls,
): Promise<void> {
  const files = {
    cert: certificate.certFile,
    key: certificate.keyFile,
    ...(clientCa !== undefined && { ca: clientCa.certFile }),
  };
  const { uid, gid } = await stat(`/proc/${server.pid}`);
  for (const [name, from] of Object.entries(files)) {
    const file = join(folder, `${server.port}-${name}`);
    await copyFile(from, file);
    await chown(file, uid, gid);
    await chmod(file, 0o600);
    await server.psql(`ALTER SYSTEM SET ssl_${name}_file = '${file}'`);
  }
  if (hba !== undefined) await writeFile(await server.psql('SHOW hba_file'), `${hba.join('\n')}\n`);
  await server.psql('ALTER SYSTEM SET ssl = on');
  await server.psql('SELECT pg_reload_conf()');
}
