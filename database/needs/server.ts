import type { Session } from '../session/session.ts';
import { LOCK_SETTINGS, type LockSettings } from './lock-table.ts';

/** The names that a restore needs on a server. */
export interface WantedNames {
  readonly roles: readonly string[];
  readonly extensions: readonly string[];
  readonly tablespaces: readonly string[];
  readonly languages: readonly string[];
  readonly accessMethods: readonly string[];
}

export interface ServerExtension {
  readonly name: string;
  /** The version that CREATE EXTENSION would install; null: its files are not on the server. */
  readonly available: string | null;
  /** In the database of the session. */
  readonly installed: boolean;
  /** Whether this role may create it. */
  readonly mayCreate: boolean;
}

/** What a server has for a restore. */
export interface ServerHas {
  /** `15.18`. */
  readonly version: string;
  readonly missing: Readonly<
    Record<'roles' | 'tablespaces' | 'languages' | 'accessMethods', readonly string[]>
  >;
  readonly extensions: readonly ServerExtension[];
  readonly locks: LockSettings;
  /** Absent: the role may not see it. */
  readonly dataDirectory?: string;
}

const CATALOGS = {
  roles: 'EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = w.name)',
  tablespaces: 'EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = w.name)',
  // A database of its own gets the languages that an extension brings.
  languages: `EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = w.name)
    OR EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = w.name)`,
  accessMethods: 'EXISTS (SELECT FROM pg_catalog.pg_am WHERE amname = w.name)',
} as const;

/**
 * Compares the names with the catalogs of a server. The session is in the target's database, or in
 * a maintenance database when the restore will create the target's.
 */
export async function serverHas(session: Session, wanted: WantedNames): Promise<ServerHas> {
  const missing = async (what: keyof typeof CATALOGS) => {
    if (wanted[what].length === 0) return [];
    const rows = await session.query<{ name: string }>(
      `SELECT w.name FROM unnest($1::text[]) AS w(name) WHERE NOT (${CATALOGS[what]}) ORDER BY 1`,
      [wanted[what]],
    );
    return rows.map(({ name }) => name);
  };
  const [roles, tablespaces, languages, accessMethods] = [
    await missing('roles'),
    await missing('tablespaces'),
    await missing('languages'),
    await missing('accessMethods'),
  ];
  const settings = await settingsOf(session);
  const dataDirectory = settings.get('data_directory');
  const number = (name: string) => Number(settings.get(name) ?? 0);
  return {
    version: (settings.get('server_version') ?? '').replace(/ .*/, ''),
    missing: { roles, tablespaces, languages, accessMethods },
    extensions: await extensionsOn(session, wanted.extensions),
    locks: Object.fromEntries(LOCK_SETTINGS.map((name) => [name, number(name)])) as LockSettings,
    ...(dataDirectory !== undefined && { dataDirectory }),
  };
}

/** Settings that the role may not see are left out. */
async function settingsOf(session: Session): Promise<ReadonlyMap<string, string>> {
  const rows = await session.query<{ name: string; setting: string }>(
    'SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY ($1::text[])',
    [[...LOCK_SETTINGS, 'data_directory', 'server_version']],
  );
  return new Map(rows.map(({ name, setting }) => [name, setting]));
}

/** `trusted` is known since PostgreSQL 13: as JSON, its absence is no error. */
async function extensionsOn(
  session: Session,
  names: readonly string[],
): Promise<ServerExtension[]> {
  if (names.length === 0) return [];
  return session.query<ServerExtension & Record<string, unknown>>(
    `SELECT w.name, e.default_version AS available, e.installed_version IS NOT NULL AS installed,
       r.rolsuper OR coalesce(NOT v.superuser OR to_json(v) ->> 'trusted' = 'true', true) AS "mayCreate"
     FROM unnest($1::text[]) AS w(name)
     JOIN pg_catalog.pg_roles r ON r.rolname = current_user
     LEFT JOIN pg_catalog.pg_available_extensions e ON e.name = w.name
     LEFT JOIN pg_catalog.pg_available_extension_versions v
       ON v.name = e.name AND v.version = e.default_version
     ORDER BY 1`,
    [names],
  );
}
