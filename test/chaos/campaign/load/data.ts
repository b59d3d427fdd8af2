import { bankSql } from '../../../support/e2e/bank.ts';

/** Tables whose rows never change: a copy must have exactly these. */
const FIXED = 'fixed';
/** Tables that the DDL of a run empties, fills, alters and rewrites. */
export const DDL = 'ddl';
export const DDL_TABLES = 4;
export const DDL_ROWS = 200;

const PLAIN_TABLES = 9;
/** One table of content 0 is larger than a part of an upload to S3, so that packs have parts. */
const LARGE_ROWS = [1_600, 200];
const LARGE_ROW_BYTES = 4_000;

/**
 * The database of one shard: some 25 relations of a few MB, with keys, triggers, a policy, views,
 * sequences, partitions, an unlogged table and large objects.
 */
export function sourceSql(content: number): string {
  return [
    `CREATE SCHEMA ${FIXED}; CREATE SCHEMA ${DDL};`,
    ...Array.from({ length: PLAIN_TABLES }, (_, number) => plainTable(number, content)),
    OTHER_OBJECTS,
    `CREATE TABLE ${FIXED}.large (id int PRIMARY KEY, bytes bytea NOT NULL);
     INSERT INTO ${FIXED}.large SELECT i, (SELECT string_agg(decode(md5(format('%s %s ${content}', i, j)), 'hex'), '')
       FROM generate_series(1, ${LARGE_ROW_BYTES / 16}) j) FROM generate_series(1, ${LARGE_ROWS[content] ?? 0}) i;`,
    ...Array.from({ length: DDL_TABLES }, (_, number) => ddlTable(number)),
    bankSql(content),
  ].join('\n');
}

const plainTable = (number: number, content: number) => `
CREATE TABLE ${FIXED}.plain_${number} (id int PRIMARY KEY, label text NOT NULL, amount numeric(12,3), at timestamptz,
  note jsonb DEFAULT '{}', CONSTRAINT amount_${number} CHECK (amount >= 0));
INSERT INTO ${FIXED}.plain_${number} SELECT i, format('label %s of ${content}\\%s', i, md5(i::text)), i * 1.001,
  timestamptz '2026-01-01' + i * interval '1 minute', jsonb_build_object('i', i) FROM generate_series(1, ${100 + 150 * number}) i;
CREATE INDEX ON ${FIXED}.plain_${number} (label);
COMMENT ON TABLE ${FIXED}.plain_${number} IS 'table ${number} of content ${content}';`;

/** The value of a sequence is set, not drawn: a server that crashes skips drawn values. */
const OTHER_OBJECTS = `
CREATE FUNCTION ${FIXED}.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.label := NEW.label || ''!''; RETURN NEW; END';
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON ${FIXED}.plain_1 FOR EACH ROW EXECUTE FUNCTION ${FIXED}.touch();
ALTER TABLE ${FIXED}.plain_2 ADD FOREIGN KEY (id) REFERENCES ${FIXED}.plain_3;
ALTER TABLE ${FIXED}.plain_4 ADD COLUMN doubled numeric GENERATED ALWAYS AS (amount * 2) STORED;
ALTER TABLE ${FIXED}.plain_5 ENABLE ROW LEVEL SECURITY;
CREATE POLICY even ON ${FIXED}.plain_5 USING (id % 2 = 0);
CREATE TABLE ${FIXED}.parted (id int, at date, note text) PARTITION BY RANGE (id);
CREATE TABLE ${FIXED}.parted_1 PARTITION OF ${FIXED}.parted FOR VALUES FROM (0) TO (1000);
CREATE TABLE ${FIXED}.parted_2 PARTITION OF ${FIXED}.parted FOR VALUES FROM (1000) TO (2000);
CREATE INDEX ON ${FIXED}.parted (note);
INSERT INTO ${FIXED}.parted SELECT i, date '2026-01-01' + i, 'part ' || i FROM generate_series(0, 1999) i;
CREATE TABLE ${FIXED}.nothing (id int PRIMARY KEY, note text UNIQUE);
CREATE UNLOGGED TABLE ${FIXED}.scratch AS SELECT i FROM generate_series(1, 500) i;
CREATE SEQUENCE ${FIXED}.numbers; SELECT setval('${FIXED}.numbers', 1000);
CREATE VIEW ${FIXED}.seen AS SELECT id, label FROM ${FIXED}.plain_1;
CREATE MATERIALIZED VIEW ${FIXED}.stored AS SELECT id, amount FROM ${FIXED}.plain_6;
CREATE UNIQUE INDEX ON ${FIXED}.stored (id);
SELECT lo_from_bytea(4000 + i, decode(repeat(md5(i::text), 200), 'hex')) FROM generate_series(1, 5) i;`;

const ddlTable = (number: number) => `
CREATE TABLE ${DDL}.t_${number} (id int PRIMARY KEY, generation int NOT NULL);
INSERT INTO ${DDL}.t_${number} SELECT i, 0 FROM generate_series(1, ${DDL_ROWS}) i;`;
