import type { DefinedObject } from '../../backup-set/documents/plan.ts';
import type { DumpGaps } from '../flavour.ts';
import type { Session } from '../session/session.ts';

/** The rule of pg_dump; a pooler or a role without SUPERUSER can differ from pg_roles. */
const IS_SUPERUSER = "pg_catalog.current_setting('is_superuser') = 'on'";

/** Words in the name of an option whose value is a secret. */
const SECRET_NAME =
  '(password|passwd|passphrase|pwd|secret|token|credential|api_?key|access_?key|private_?key)';
/** The same inside a connection string, and `scheme://user:password@host`. */
const SECRET_VALUE = String.raw`((password|passwd|pwd)\s*=|://[^/@[:space:]]*:[^/@[:space:]]*@)`;
/** For one element `name=value` of an array of options. */
const HOLDS_SECRET = `element !~* '^password_required=' AND (element ~* '^[^=]*${SECRET_NAME}[^=]*=.' OR element ~* '${SECRET_VALUE}')`;

/**
 * The gaps of the database under the session's snapshot, for the session's role. Greenplum 6 has no
 * subscriptions.
 */
export async function readDumpGaps(session: Session): Promise<DumpGaps> {
  const subscriptions = (await hasSubscriptions(session)) ? await readSubscriptions(session) : [];
  const found = [
    ...subscriptions,
    ...(await readMappings(session)),
    ...(await readOptions(session)),
  ];
  const named = (gap: Found['gap']) =>
    found.filter((one) => one.gap === gap).map(({ kind, name }) => ({ kind, name }));
  return { leftOut: named('left-out'), secrets: named('secret') };
}

interface Found extends DefinedObject {
  readonly gap: 'left-out' | 'secret';
}

async function hasSubscriptions(session: Session): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'pg_catalog' AND c.relname = 'pg_subscription'`,
  );
  return rows.length > 0;
}

/** An ordinary role may not read subconninfo, and pg_dump then skips every subscription. */
async function readSubscriptions(session: Session): Promise<Found[]> {
  const [row] = await session.query<{ is: boolean }>(`SELECT ${IS_SUPERUSER} AS is`);
  const isSuperuser = row?.is === true;
  const gap = isSuperuser ? 'secret' : 'left-out';
  const condition = isSuperuser ? `subconninfo ~* '${SECRET_VALUE}'` : 'true';
  return session.query<Found>(
    `SELECT '${gap}' AS gap, 'subscription' AS kind, s.subname::text AS name FROM pg_subscription s
     JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
     WHERE ${condition} ORDER BY s.subname`,
  );
}

/**
 * pg_user_mappings hides options from other roles: pg_dump then writes the mapping without them.
 * Hidden and absent options look the same, so both are named.
 */
async function readMappings(session: Session): Promise<Found[]> {
  return session.query<Found>(`
    SELECT CASE WHEN m.umoptions IS NULL THEN 'left-out' ELSE 'secret' END AS gap,
           CASE WHEN m.umoptions IS NULL THEN 'user mapping options' ELSE 'user mapping' END AS kind,
           m.usename || ' on server ' || m.srvname AS name
    FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid
    WHERE CASE WHEN m.umoptions IS NULL THEN NOT (${IS_SUPERUSER}
                 OR (m.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE'))
                 OR (m.umuser <> 0 AND m.usename = current_user
                     AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE'))))
               ELSE EXISTS (SELECT 1 FROM unnest(m.umoptions) element WHERE ${HOLDS_SECRET}) END
    ORDER BY m.srvname, m.usename`);
}

/** Options and settings that every role can read, and that are in the set as they are. */
async function readOptions(session: Session): Promise<Found[]> {
  return session.query<Found>(`
    SELECT DISTINCT 'secret' AS gap, kind, name FROM (
      SELECT 'foreign-data wrapper', fdwname::text, fdwoptions FROM pg_foreign_data_wrapper
      UNION ALL SELECT 'server', srvname::text, srvoptions FROM pg_foreign_server
      UNION ALL SELECT 'foreign table', n.nspname || '.' || c.relname, f.ftoptions FROM pg_foreign_table f
        JOIN pg_class c ON c.oid = f.ftrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    ) AS optioned(kind, name, options), unnest(options) element WHERE ${HOLDS_SECRET}
    UNION ALL
    SELECT DISTINCT 'secret', 'setting', split_part(element, '=', 1)
           || coalesce(' of role ' || r.rolname, '') || coalesce(' of database ' || d.datname, '')
    FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) element
    WHERE (s.setdatabase = 0 OR d.datname = current_database())
      AND split_part(element, '=', 1) LIKE '%.%' AND ${HOLDS_SECRET}
    ORDER BY 2, 3`);
}
