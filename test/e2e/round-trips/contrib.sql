CREATE SCHEMA ext;
CREATE EXTENSION citext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION ltree;
CREATE EXTENSION intarray; CREATE EXTENSION cube; CREATE EXTENSION pg_trgm; CREATE EXTENSION tablefunc;
CREATE EXTENSION btree_gist; CREATE EXTENSION pgcrypto; CREATE EXTENSION isn; CREATE EXTENSION seg;
CREATE EXTENSION unaccent; CREATE EXTENSION file_fdw; CREATE EXTENSION bloom; CREATE EXTENSION lo;

CREATE SCHEMA words;
CREATE DOMAIN words.mail AS citext CHECK (VALUE ~ '@');
CREATE TABLE words.people (
  id int PRIMARY KEY, mail words.mail UNIQUE, attributes ext.hstore, path ltree, marks int[],
  isbn isbn13, position cube, range seg, during tstzrange, secret bytea,
  EXCLUDE USING gist (id WITH =, during WITH &&)
);
INSERT INTO words.people SELECT i, 'User' || i || '@example.org', ext.hstore('n', i::text), ('top.n' || i)::ltree,
  ARRAY[i, i + 1], '978-0-393-04002-9', cube(ARRAY[i, i * 2.5]), '1.5(+-)0.3',
  tstzrange('2026-01-01', '2026-02-01'), decode(md5(i::text), 'hex') FROM generate_series(1, 500) i;
CREATE INDEX ON words.people USING gist (path); CREATE INDEX ON words.people USING gin (attributes);
CREATE INDEX ON words.people USING gin (marks gin__int_ops); CREATE INDEX ON words.people USING gist (position);
CREATE INDEX ON words.people USING gin ((mail::text) gin_trgm_ops); CREATE INDEX ON words.people USING bloom (id);
CREATE TABLE words.pictures (id serial PRIMARY KEY, owner int REFERENCES words.people, raster lo);
CREATE TRIGGER raster BEFORE UPDATE OR DELETE ON words.pictures FOR EACH ROW EXECUTE FUNCTION lo_manage(raster);
INSERT INTO words.pictures (owner, raster) SELECT i, lo_from_bytea(0, decode(md5(i::text), 'hex')) FROM generate_series(1, 20) i;
CREATE TEXT SEARCH CONFIGURATION words.plain (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION words.plain ALTER MAPPING FOR hword, word WITH unaccent, simple;
CREATE VIEW words.paths AS SELECT * FROM connectby('words.people', 'id', 'id', '1', 0) AS t (id int, parent int, level int);
CREATE MATERIALIZED VIEW words.tops AS SELECT subpath(path, 0, 1) AS top, count(*) FROM words.people GROUP BY 1;
CREATE FUNCTION words.initial(citext) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT left($1::text, 1)';
CREATE INDEX ON words.people (words.initial(mail));
