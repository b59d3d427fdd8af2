import { quoteName } from './names.ts';

/** Roles, grants, row security and comments. Runs last: it grants on objects of other scripts. */
export function accessSql(rolePrefix: string): string {
  const role = (name: string) => quoteName(rolePrefix + name);
  const [owner, reader, group, hostile] = [
    role('owner'),
    role('reader'),
    role('group'),
    role('we"ird $$ 🙂'),
  ];
  return `
CREATE ROLE ${owner} NOLOGIN;
CREATE ROLE ${group} NOLOGIN;
CREATE ROLE ${reader} LOGIN CONNECTION LIMIT 3 VALID UNTIL '2099-01-01' IN ROLE ${group};
CREATE ROLE ${hostile} NOLOGIN;
ALTER ROLE ${reader} SET statement_timeout = '1h';
ALTER ROLE ${hostile} SET search_path = "$user", 'a b';
GRANT ${owner} TO ${hostile} WITH ADMIN OPTION;
COMMENT ON ROLE ${owner} IS 'owns things';

CREATE SCHEMA access AUTHORIZATION ${owner};
CREATE TABLE access.secured (id int PRIMARY KEY, who name NOT NULL, secret text);
INSERT INTO access.secured SELECT i, 'somebody', 'row ' || i FROM generate_series(1, 30) i;
ALTER TABLE access.secured OWNER TO ${owner};
ALTER TABLE access.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON access.secured USING (who = current_user) WITH CHECK (who = current_user AND id > 0);
CREATE POLICY "only few" ON access.secured AS RESTRICTIVE FOR SELECT TO ${reader}, ${hostile} USING (id < 10);
CREATE TABLE access.secured_without_policy (a int);
INSERT INTO access.secured_without_policy SELECT generate_series(1, 10);
ALTER TABLE access.secured_without_policy ENABLE ROW LEVEL SECURITY;
CREATE TABLE access.columns (a int, b int, "c d" int);
INSERT INTO access.columns VALUES (1, 2, 3);

GRANT USAGE ON SCHEMA access, types, code TO ${reader};
GRANT SELECT (a, "c d"), UPDATE (b) ON access.columns TO ${reader};
GRANT ALL ON access.secured TO ${group} WITH GRANT OPTION;
GRANT SELECT ON ALL TABLES IN SCHEMA types TO PUBLIC;
GRANT USAGE ON SEQUENCE kinds.down TO ${hostile};
REVOKE ALL ON FUNCTION code.add(int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION code.add(int, int) TO ${hostile};
REVOKE USAGE ON TYPE types.mood FROM PUBLIC;
GRANT USAGE ON FOREIGN SERVER files TO ${reader};
GRANT SELECT ON LARGE OBJECT 4711000 TO ${reader};
ALTER TABLE objects.base OWNER TO ${hostile};
ALTER FUNCTION code.away(int, int) OWNER TO ${owner};
ALTER DEFAULT PRIVILEGES IN SCHEMA access GRANT SELECT ON TABLES TO ${reader};
ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA access GRANT ALL ON SEQUENCES TO ${group};

COMMENT ON SCHEMA names IS E'a comment\\nof two lines; with ''quotes'' and \\\\ backslash';
COMMENT ON TABLE names."line\nbreak" IS '\\connect elsewhere';
COMMENT ON COLUMN types.numbers.a IS '$$ not the end $$';
COMMENT ON CONSTRAINT "above zero" ON DOMAIN types.positive IS '';
COMMENT ON CONSTRAINT "a < b" ON rules.checked IS 'smaller';
COMMENT ON TRIGGER changes ON code.watched IS 'changes rows';
COMMENT ON POLICY own_rows ON access.secured IS 'own rows only';
COMMENT ON INDEX rules."partial & quoted" IS 'an index';
COMMENT ON EVENT TRIGGER trouble_off IS 'disabled';
COMMENT ON FUNCTION code.add(int, int) IS E'\\U0001F642';
COMMENT ON EXTENSION hstore IS 'another comment than its own';
`;
}
