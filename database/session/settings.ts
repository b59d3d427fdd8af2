/**
 * The settings of pg_dump, for the same reasons. client_encoding stays UTF8, which node-postgres
 * and the names in statements need; COPY uses the database's encoding by its ENCODING option.
 */
const SETTINGS = [
  "SET DateStyle = 'ISO'",
  "SET IntervalStyle = 'postgres'",
  'SET extra_float_digits = 3',
  'SET statement_timeout = 0',
  // All our names are qualified. With an empty path no other user's function can be called.
  "SELECT pg_catalog.set_config('search_path', '', false)",
  'SET standard_conforming_strings = on',
  'SET synchronize_seqscans = off',
  // A role may have other defaults for these. They change what COPY text and SQL text mean.
  'SET array_nulls = on',
  'SET xmloption = content',
  "SET bytea_output = 'hex'",
  'SET quote_all_identifiers = off',
  'SET transform_null_equals = off',
  "SET default_transaction_isolation = 'read committed'",
];

/** PostgreSQL before it, and Greenplum 6, have no policies. */
export const ROW_SECURITY_SINCE = 9.5;

/**
 * Settings that not every version has, and the first that has them. With row_security off, a
 * policy that hides rows is an error; otherwise the backup would silently lack these rows.
 */
const SETTINGS_SINCE = [
  ['idle_in_transaction_session_timeout', '0', 9.6],
  ['idle_session_timeout', '0', 14],
  ['transaction_timeout', '0', 17],
  ['row_security', 'off', ROW_SECURITY_SINCE],
] as const;

/**
 * Reading pg_settings takes a server 1 ms of CPU, at each session. So it is only read where the
 * server has not told its version.
 */
const SETTINGS_WHERE_KNOWN = `SELECT pg_catalog.set_config(name, value, false)
  FROM (VALUES ${SETTINGS_SINCE.map(([name, value]) => `('${name}', '${value}')`).join(', ')}) AS wanted(name, value)
  JOIN pg_catalog.pg_settings USING (name)`;

/**
 * Sets up a session, under which the same rows always give the same bytes.
 * @param version of the server, as `Session.serverVersion` has it.
 */
export function settingsScript(readOnly: boolean, lockTimeoutMs: number, version?: number): string {
  const locks = `SET lock_timeout = ${Math.ceil(lockTimeoutMs)}`;
  // Off, too: the role or the database may have it on.
  const last = `SET default_transaction_read_only = ${readOnly ? 'on' : 'off'}`;
  const known =
    version === undefined
      ? [SETTINGS_WHERE_KNOWN]
      : SETTINGS_SINCE.filter(([, , since]) => version >= since).map(
          ([name, value]) => `SET ${name} = ${value}`,
        );
  return [...SETTINGS, locks, ...known, last].join('; ');
}

/**
 * The same for PostgreSQL's programs, as PGOPTIONS: those settings of a role that a program does
 * not set itself. pg_restore would read '{NULL}' in a definition as a text, or could not write.
 */
export const TOOL_OPTIONS = [
  'default_transaction_read_only=off',
  'statement_timeout=0',
  'array_nulls=on',
  'transform_null_equals=off',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/**
 * In a transaction: sets again what decides which bytes the rows give, where a pooler could have
 * put the session's settings into another backend, and reads back what this backend has.
 */
export function localSettings(version: number | undefined): string {
  const rowSecurity =
    version === undefined
      ? `; SELECT pg_catalog.set_config('row_security', 'off', true)
    FROM pg_catalog.pg_settings WHERE name = 'row_security'`
      : version >= ROW_SECURITY_SINCE
        ? '; SET LOCAL row_security = off'
        : '';
  return `SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres';
  SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'${rowSecurity}`;
}
