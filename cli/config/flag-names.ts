/** How flags and patterns are written: shared by the flags and the configuration, for messages. */

/** The forms of a pattern of the selection. */
export const PATTERN_FORMS = 'schema, schema.table, "a.b".c or sch*';

/** Flags whose names differ from the fields they set. */
const FLAGS: Readonly<Record<string, string>> = {
  database: '--redirect-db',
  'shippers.maxRateBytes': '--max-rate',
  'backup.includeSchemas': '--include-schema',
  'backup.excludeSchemas': '--exclude-schema',
  'backup.includeTables': '--include-table',
  'backup.excludeTables': '--exclude-table',
  'backup.tags': '--tag',
  'backup.unloggedRows': '--no-unlogged-table-data',
  'encryption.identityFile': '--identity',
  'serve.sweepSeconds': '--sweep',
  'serve.snsTopics': '--sns-topic',
};

/** The flag that sets a field of the configuration: `backup.zstdLevel` → `--zstd-level`. */
export function flagOf(field: string): string {
  return FLAGS[field] ?? `--${dashed(field.split('.').at(-1) ?? field)}`;
}

/** `maxRate` → `max-rate`. */
export function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
