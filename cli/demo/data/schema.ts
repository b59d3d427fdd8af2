import { CLASSES } from './places.ts';

/** The schema of the demo, the same on every shard: tables, and rules for after the rows. */
export const demoSchema = () => `${demoTables()}\n${demoRules()}`;

/** What must exist before the rows are loaded. */
export const demoTables = () => `
CREATE SCHEMA world;
CREATE DOMAIN world.latitude AS numeric(8,5) CHECK (VALUE BETWEEN -90 AND 90);
CREATE DOMAIN world.longitude AS numeric(8,5) CHECK (VALUE BETWEEN -180 AND 180);
CREATE TYPE world.class AS ENUM (${CLASSES.map(([name]) => `'${name}'`).join(', ')});

CREATE TABLE world.size (class world.class PRIMARY KEY, population int8range NOT NULL, EXCLUDE USING gist (population WITH &&));
INSERT INTO world.size VALUES ${sizes()};

CREATE TABLE world.country (code char(2) PRIMARY KEY, name text NOT NULL);
CREATE TABLE world.region (country char(2), code text, PRIMARY KEY (country, code));
CREATE TABLE world.place (
  id int NOT NULL, class world.class NOT NULL, name text NOT NULL, country char(2) NOT NULL, region text NOT NULL,
  feature text NOT NULL, population bigint NOT NULL, longitude world.longitude NOT NULL, latitude world.latitude NOT NULL,
  names jsonb NOT NULL, municipality text[] NOT NULL, is_capital boolean GENERATED ALWAYS AS (feature = 'PPLC') STORED
) PARTITION BY LIST (class);
${CLASSES.map(([name]) => `CREATE TABLE world.place_${name} PARTITION OF world.place FOR VALUES IN ('${name}');`).join('\n')}

-- Not census data: extrapolated from the last count, one row per place and decade.
CREATE TABLE world.population (place int NOT NULL, class world.class NOT NULL, year smallint NOT NULL, people bigint NOT NULL);

CREATE TABLE world.account (
  id int PRIMARY KEY, owner text NOT NULL, balance numeric(15,2) NOT NULL CHECK (balance >= 0), changed timestamptz
);
CREATE TABLE world.transfer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int NOT NULL, amount numeric(15,2) NOT NULL,
  peer_content int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE SEQUENCE world.ticket START 1000 INCREMENT 10;
`;

/** The years in `world.population`. */
const YEARS = [2000, 2010, 2020];

/** Accounts per shard, and their first balance. No transfer changes the sum. */
export const ACCOUNTS_PER_SHARD = 1_000;
export const BALANCE_AT_FIRST = 1_000;

/** Rows computed from the places; run after the places are loaded and before the rules. */
export const demoRows = (content: number) => `
INSERT INTO world.population
  SELECT id, class, year, round(population / power(1.012, 2024 - year)) FROM world.place, unnest('{${YEARS.join(',')}}'::smallint[]) year;
INSERT INTO world.account
  SELECT i, 'account ' || i || ' of content ${content}', ${BALANCE_AT_FIRST} FROM generate_series(1, ${ACCOUNTS_PER_SHARD}) i;
SELECT setval('world.ticket', 5000 + ${content}), nextval('world.ticket');
`;

/** Constraints, indexes, functions, views and policies. */
export const demoRules = () => `
ALTER TABLE world.region ADD FOREIGN KEY (country) REFERENCES world.country;
ALTER TABLE world.place ADD PRIMARY KEY (id, class), ADD FOREIGN KEY (country, region) REFERENCES world.region;
ALTER TABLE world.population ADD PRIMARY KEY (place, year), ADD FOREIGN KEY (place, class) REFERENCES world.place;
ALTER TABLE world.transfer ADD FOREIGN KEY (account) REFERENCES world.account;
CREATE INDEX ON world.place (country, region);
CREATE INDEX ON world.place USING gin (names jsonb_path_ops);
DO $$ BEGIN -- contrib comes with Debian's server; elsewhere it may be a package of its own
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
    CREATE EXTENSION pg_trgm SCHEMA world;
    CREATE INDEX place_by_part_of_name ON world.place USING gin (name world.gin_trgm_ops);
  END IF;
END $$;

CREATE FUNCTION world.distance_km(a world.place, b world.place) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
  SELECT 12742 * asin(sqrt(power(sind((b.latitude - a.latitude) / 2), 2)
    + cosd(a.latitude) * cosd(b.latitude) * power(sind((b.longitude - a.longitude) / 2), 2)))
$$;
CREATE FUNCTION world.largest(wanted char(2), at_most int DEFAULT 10) RETURNS SETOF world.place LANGUAGE sql STABLE AS $$
  SELECT * FROM world.place WHERE country = wanted ORDER BY population DESC, id LIMIT at_most
$$;
CREATE FUNCTION world.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER note_change BEFORE INSERT OR UPDATE ON world.account FOR EACH ROW EXECUTE FUNCTION world.note_change();

CREATE VIEW world.capital AS SELECT p.id, p.name, c.name AS country, p.population FROM world.place p JOIN world.country c ON c.code = p.country WHERE p.is_capital;
CREATE MATERIALIZED VIEW world.country_total AS SELECT country, count(*) AS places, sum(population) AS people FROM world.place GROUP BY country;
CREATE UNIQUE INDEX ON world.country_total (country);
CREATE MATERIALIZED VIEW world.total AS SELECT sum(places) AS places, sum(people) AS people FROM world.country_total;

ALTER TABLE world.account ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON world.account USING (owner = current_user);
COMMENT ON TABLE world.place IS 'GeoNames.org, CC BY 4.0';
ANALYZE;
`;

function sizes(): string {
  return CLASSES.map(
    ([name, from], index) =>
      `('${name}', int8range(${from}, ${CLASSES[index - 1]?.[1] ?? 'NULL'}))`,
  ).join(', ');
}
