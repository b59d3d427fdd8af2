import { quoteIdentifier } from '../../../database/session/quote.ts';

/** Makes roles and other objects of the whole cluster. Run it as superuser in any database. */
export function globalsSql(prefix: string): string {
  const { owner, reader, group, hostile, queue, resourceGroup } = globalNames(prefix);
  return `
CREATE RESOURCE QUEUE ${queue} WITH (ACTIVE_STATEMENTS=7, MEMORY_LIMIT='64MB', PRIORITY=HIGH, MIN_COST=100.0, MAX_COST=1e9, COST_OVERCOMMIT=true);
CREATE RESOURCE GROUP ${resourceGroup} WITH (CPU_RATE_LIMIT=3, MEMORY_LIMIT=2, CONCURRENCY=4);
CREATE ROLE ${owner} NOLOGIN RESOURCE QUEUE ${queue};
CREATE ROLE ${group} NOLOGIN RESOURCE GROUP ${resourceGroup};
CREATE ROLE ${reader} LOGIN CONNECTION LIMIT 3 VALID UNTIL '2099-01-01' IN ROLE ${group} RESOURCE QUEUE ${queue} DENY BETWEEN DAY 'Sunday' TIME '02:00' AND DAY 'Sunday' TIME '04:00';
CREATE ROLE ${hostile} NOLOGIN CREATEEXTTABLE (type='readable', protocol='gpfdist') CREATEDB;
ALTER ROLE ${reader} SET statement_timeout = '1h';
ALTER ROLE ${hostile} SET search_path = "$user", 'a b';
GRANT ${owner} TO ${hostile} WITH ADMIN OPTION;
COMMENT ON ROLE ${owner} IS 'owns things';
`;
}

/**
 * Drops what `globalsSql` makes, one statement per element. Drop the databases that depend on it
 * before.
 */
export function dropGlobalsSql(prefix: string): string[] {
  const { owner, reader, group, hostile, queue, resourceGroup } = globalNames(prefix);
  return [
    ...[hostile, reader, owner, group].map((role) => `DROP ROLE IF EXISTS ${role}`),
    `DROP RESOURCE QUEUE ${queue}`,
    `DROP RESOURCE GROUP ${resourceGroup}`,
  ];
}

/** Owners, grants, default privileges, comments. Runs last: it needs objects of other scripts. */
export function accessSql(prefix: string, major: number): string {
  const { owner, reader, group, hostile } = globalNames(prefix);
  return `
CREATE SCHEMA access AUTHORIZATION ${owner};
CREATE TABLE access.columns (a int, b int, "c d" int) DISTRIBUTED BY (a);
INSERT INTO access.columns VALUES (1, 2, 3);
GRANT USAGE ON SCHEMA access, types, code TO ${reader};
GRANT SELECT (a, "c d"), UPDATE (b) ON access.columns TO ${reader};
GRANT ALL ON kinds.heap TO ${group} WITH GRANT OPTION;
GRANT SELECT ON ALL TABLES IN SCHEMA types TO PUBLIC;
GRANT SELECT ON parts.sales TO ${reader};
GRANT SELECT ON outside.executes TO ${reader};
GRANT USAGE ON SEQUENCE seqs.down TO ${hostile};
REVOKE ALL ON FUNCTION code.add(int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION code.add(int, int) TO ${hostile};
REVOKE USAGE ON TYPE types.mood FROM PUBLIC;
GRANT USAGE ON FOREIGN SERVER "far away" TO ${reader};
ALTER TABLE kinds.ao_column OWNER TO ${hostile};
ALTER TABLE parts.aged OWNER TO ${owner};
ALTER FUNCTION code.quoted(text) OWNER TO ${owner};
ALTER DEFAULT PRIVILEGES IN SCHEMA access GRANT SELECT ON TABLES TO ${reader};
ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

COMMENT ON SCHEMA kinds IS E'a comment\\nof two lines; with ''quotes'' and \\\\ backslash';
COMMENT ON TABLE names."line\nbreak" IS '\\connect elsewhere';
COMMENT ON TABLE parts.sales IS 'on a partitioned table';
COMMENT ON ${major >= 7 ? 'FOREIGN ' : ''}TABLE outside.executes IS 'on an external table';
COMMENT ON COLUMN kinds.ao_column.t IS '$$ not the end $$';
COMMENT ON CONSTRAINT "a < b" ON rules.keyed IS 'smaller';
COMMENT ON INDEX rules.indexed_bitmap IS 'a bitmap';
COMMENT ON SEQUENCE seqs.down IS '🙂';
COMMENT ON VIEW views.v1 IS 'a view';
COMMENT ON FUNCTION code.add(int, int) IS E'\\U0001F642';
COMMENT ON TYPE types.mood IS 'an enum';
COMMENT ON DOMAIN types.positive IS 'a domain';
`;
}

function globalNames(prefix: string) {
  const name = (suffix: string) => quoteIdentifier(prefix + suffix);
  return {
    owner: name('owner'),
    reader: name('reader'),
    group: name('group'),
    hostile: name('we"ird $$ 🙂'),
    queue: name('queue'),
    resourceGroup: name('resources'),
  };
}
