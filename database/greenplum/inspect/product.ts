import type { ServerCheck } from '../../inspect/check.ts';
import type { Session } from '../../session/session.ts';
import { type GreenplumVersion, parseVersion } from '../topology.ts';

/** What the server behind the coordinator's address is. */
export interface ProductRow {
  /** `version()` */
  readonly version: string;
  /** The version of PostgreSQL that it is based on, e.g. 9.4.26. */
  readonly release: string;
  readonly encoding: string;
  readonly recovering: boolean;
}

export async function readProduct(session: Session): Promise<ProductRow> {
  const [row] = await session.query<ProductRow>(
    "SELECT version() AS version, current_setting('server_version') AS release, current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS recovering",
  );
  return row ?? { version: '', release: '', encoding: '?', recovering: false };
}

/** The version is absent when the server is not Greenplum: no further check is possible. */
export function judgeProduct({ version: text, encoding, recovering }: ProductRow): {
  readonly check: ServerCheck;
  readonly version?: GreenplumVersion;
} {
  const name = 'server';
  const version = parseVersion(text);
  if (version === undefined)
    return {
      check: {
        name,
        ok: false,
        detail: `not Greenplum: ${text}; for PostgreSQL set flavour: shards`,
      },
    };
  const isCloudberry = text.includes('Cloudberry');
  const what = `${isCloudberry ? 'Apache Cloudberry' : 'Greenplum'} ${version.text} (${text.split(' (')[0]}), ${encoding}`;
  const release = Number.parseInt(version.text, 10);
  if (recovering) {
    const detail = `${what}; this is a standby, which does not allow SHARE locks: configure the active coordinator`;
    return { check: { name, ok: false, detail }, version };
  }
  if (isCloudberry)
    return {
      check: {
        name,
        ok: true,
        remark: true,
        detail: `${what}; treated as Greenplum 7, not tested`,
      },
      version,
    };
  if (release !== 6 && release !== 7)
    return { check: { name, ok: false, detail: `${what}; only 6 and 7 are supported` }, version };
  if (/alpha|beta|rc/i.test(version.text))
    return { check: { name, ok: true, remark: true, detail: `${what}; a pre-release` }, version };
  return { check: { name, ok: true, detail: what }, version };
}
