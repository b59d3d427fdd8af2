/** Texts that look like COPY syntax, or that a faulty reader splits, trims or recodes. */
const TEXTS = String.raw`
  (NULL), (''), ('\N'), ('\\N'), ('NULL'), ('\.'), (E'\\.\n'), (E'a\n\\.\nb'), (E'\n\\.'), (E'\\.\r\n'), ('\'), ('\\'),
  (E'\n'), (E'\r'), (E'\r\n'), (E'\t'), (E'\b\f\v'), (E'\\n'), (E'\\t'), (E'\\x41'), (E'end with\\'), (' leading and trailing '),
  (E'\u00a0\u2028\ufeff'), ('🙂👩‍👩‍👧‍👦𝒳'), (E'e\u0301 is not \u00e9'), ('日本語'), ('עברית'), (E'\x01\x02\x1f\x7f'),
  ('"'), (''''), ('a,b;c|d'), ('--'), ('/* */'), ('$$'), (':variable'), ('%s %d')`;

/**
 * Texts and values at their limits, in heap, AO row, AO column and replicated tables, because
 * Greenplum has separate code for each storage.
 */
export const valuesSql = () => `
CREATE SCHEMA texts;
${textTable('heap', 'DISTRIBUTED BY (t)')}
${textTable('ao_row', 'WITH (appendonly=true, compresstype=zlib) DISTRIBUTED BY (t)')}
${textTable('ao_column', 'WITH (appendonly=true, orientation=column, compresstype=zstd) DISTRIBUTED BY (t)')}
${textTable('randomly', 'DISTRIBUTED RANDOMLY')}
${textTable('replicated', 'DISTRIBUTED REPLICATED')}
CREATE TABLE texts.empty_texts (t text) DISTRIBUTED RANDOMLY;
INSERT INTO texts.empty_texts SELECT '' FROM generate_series(1, 100);
CREATE TABLE texts.nulls (a int, b text, c bytea, d json, e int[]) DISTRIBUTED BY (a);
INSERT INTO texts.nulls SELECT NULL FROM generate_series(1, 10);
-- The same row again and again: a comparison by sets would not see the difference.
CREATE TABLE texts.duplicates (a int, b text) DISTRIBUTED BY (a);
INSERT INTO texts.duplicates SELECT 1, 'same' FROM generate_series(1, 1000);
CREATE TABLE texts.long_values (id int, t text, raw bytea) DISTRIBUTED BY (id);
INSERT INTO texts.long_values SELECT 1, string_agg(md5(i::text), E'\\n' ORDER BY i), NULL FROM generate_series(1, 60000) i; -- 2 MB in one value
INSERT INTO texts.long_values SELECT 2, repeat(E'easy to compress\\t', 100000), decode(repeat('5c', 500000), 'hex');
CREATE TABLE texts.wide (${wideColumns().join(', ')}) DISTRIBUTED BY (c2);
INSERT INTO texts.wide (c1, c2, c3) SELECT i, 'wide ' || i, true FROM generate_series(1, 20) i;
${typesSql()}
`;

function textTable(name: string, options: string): string {
  return `CREATE TABLE texts.${name} (t text) ${options};
INSERT INTO texts.${name} VALUES ${TEXTS};
INSERT INTO texts.${name} SELECT chr(i) FROM generate_series(1, 255) i;
INSERT INTO texts.${name} SELECT repeat(chr(i), 3) FROM generate_series(65500, 65533) i;`;
}

const WIDE_COLUMNS = 800;

function wideColumns(): string[] {
  const types = ['smallint', 'text', 'boolean', 'double precision'];
  return Array.from(
    { length: WIDE_COLUMNS },
    (_, index) => `c${index + 1} ${types[index % types.length]}`,
  );
}

/**
 * Built-in types at their limits and every kind of user-defined type, many as distribution keys.
 */
const typesSql = () => String.raw`
CREATE SCHEMA types;
CREATE TABLE types.numbers (id int, a smallint, b integer, c bigint, d real, e double precision, f numeric, g numeric(20,5), h money) DISTRIBUTED BY (f, c);
INSERT INTO types.numbers VALUES
  (1, -32768, -2147483648, -9223372036854775808, '-Infinity', '-Infinity', 'NaN', -999999999999999.99999, '-92233720368547758.07'),
  (2, 32767, 2147483647, 9223372036854775807, 'Infinity', 'Infinity', repeat('9', 500)::numeric, 999999999999999.99999, '92233720368547758.07'),
  (3, 0, 0, 0, 'NaN', 'NaN', 0.00000000000000000000000000001, 0, 0::money), (4, NULL, NULL, NULL, '-0', '-0', -0.0, NULL, NULL),
  (5, 1, 1, 1, '1e-37', '1e-300', 1.000000, 1, 1::money), (6, 1, 1, 1, 0.30000001, 0.30000000000000004, 1e-1000, 1.1, 1::money);
CREATE TABLE types.times (id int, d date, t time, tz timetz, ts timestamp, tstz timestamptz, i interval, tsp timestamptz(3)) DISTRIBUTED BY (tstz, d);
INSERT INTO types.times VALUES
  (1, '-infinity', '00:00', '00:00:00+15:59', '-infinity', '-infinity', '-178000 years', '2024-01-01 00:00:00.123456+00'),
  (2, 'infinity', '24:00', '24:00:00-15:59', 'infinity', 'infinity', '178000 years', NULL),
  (3, '4713-01-01 BC', '23:59:59.999999', '12:00+00', '4713-01-01 00:00 BC', '0044-03-15 12:00 BC', '1 year -2 mons 3 days -04:05:06.789', NULL),
  (4, '5874897-12-31', NULL, NULL, '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '0', NULL);
CREATE TABLE types.bits (id int, raw bytea, one bit, eight bit(8), more varbit, yes boolean, uu uuid, tiny "char", n name, v varchar(20), c char(10)) DISTRIBUTED BY (raw);
INSERT INTO types.bits VALUES
  (1, (SELECT decode(string_agg(lpad(to_hex(i), 2, '0'), '' ORDER BY i), 'hex') FROM generate_series(0, 255) i), B'1', B'10101010', B'', true, '00000000-0000-0000-0000-000000000000', 'x', repeat('n', 63), '', ''),
  (2, '', B'0', B'00000000', B'1', false, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '', '', '  x  ', '  x  '),
  (3, '\x5c2e0a5c4e', NULL, NULL, repeat('10', 500)::varbit, NULL, NULL, '\', '\N', '🙂🙂', '🙂');
INSERT INTO types.bits(id, raw) SELECT 1000 + i, decode(lpad(to_hex(i), 2, '0'), 'hex') FROM generate_series(0, 255) i;
CREATE TABLE types.network (a inet, b cidr, c macaddr) DISTRIBUTED BY (a);
INSERT INTO types.network VALUES ('192.168.0.1/24', '192.168.0.0/24', '08:00:2b:01:02:03'), ('::1', '2001:db8::/32', NULL), (NULL, NULL, NULL);
CREATE TABLE types.documents (id int, j json, jb jsonb, v tsvector, q tsquery) DISTRIBUTED BY (jb);
INSERT INTO types.documents VALUES
  (1, '{"b":1,  "a":1, "a":2, "tab":"\t", "end":"\\."}', '{"b":1, "a":{"deep":[null,true,1e40,"\u00e9\n\\"]}}', $$'a\\b':1A 'it''s':2,3B$$, $$'it''s' & !(b:* | c)$$),
  (2, 'null', 'null', '', ''), (3, '""', '[]', NULL, NULL), (4, E'{\n"line":\n\t1}', '{"n": 1.10}', NULL, NULL);
CREATE TABLE types.shapes (id int, p point, s lseg, b box, open path, closed path, y polygon, c circle) DISTRIBUTED BY (id);
INSERT INTO types.shapes VALUES (1, '(-0,1e-300)', '[(0,0),(1,1)]', '((1,1),(0,0))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '((0,0),(1,1),(2,0))', '<(0,0),0.1>');
CREATE TABLE types.ranges (id int, a int4range, c numrange, e tstzrange, f daterange) DISTRIBUTED BY (id);
INSERT INTO types.ranges VALUES (1, 'empty', '[1.10,)', '["2024-01-01 00:00+00",)', '[2024-01-01,2024-12-31]'), (2, '[1,1]', '(NaN,NaN)', NULL, '[,infinity)');
CREATE TYPE types.text_range AS RANGE (subtype = text, collation = "C");
CREATE TABLE types.text_ranges (id int, r types.text_range) DISTRIBUTED BY (id);
INSERT INTO types.text_ranges VALUES (1, types.text_range('a,"b\', E'z\n)')), (2, types.text_range('', NULL)), (3, 'empty');

CREATE TYPE types.mood AS ENUM ('fine', 'so so', 'it''s "bad"', 'a,b', '\N', '\.', 'NULL', '🙂');
CREATE DOMAIN types.positive AS numeric(10,2) DEFAULT 1 CONSTRAINT "above zero" CHECK (VALUE > 0);
CREATE DOMAIN types.tags AS text[];
CREATE TYPE types.pair AS (a text, "B c" int);
CREATE TYPE types.nested AS (p types.pair, ps types.pair[], m types.mood);
CREATE TABLE types.made (id int, m types.mood, ms types.mood[], d types.positive, dt types.tags, p types.pair, n types.nested) DISTRIBUTED BY (m, d);
INSERT INTO types.made VALUES
  (1, 'it''s "bad"', ARRAY['a,b', '\N', NULL, 'NULL']::types.mood[], 0.01, ARRAY['x', ''], ROW(E'"quoted", (and)\n\\', 1), ROW(ROW(NULL, NULL), ARRAY[ROW('', 1)::types.pair, NULL], '\.')),
  (2, '🙂', '{}', NULL, NULL, ROW('', NULL), NULL), (3, NULL, NULL, 1, '{}', NULL, NULL);
INSERT INTO types.made (id, m, d) SELECT i, 'fine', i / 100.0 FROM generate_series(10, 500) i;
CREATE TABLE types.arrays (id int, i int[], t text[], deep int[][][], at_minus int[], b bytea[], f float8[], ts timestamptz[]) DISTRIBUTED BY (i, t);
INSERT INTO types.arrays VALUES
  (1, '{}', ARRAY['', 'NULL', NULL, '"', '\', ',', '{}', ' ', E'\n', E'\t', '\N', '\.'], ARRAY[[[1,2],[3,NULL]],[[5,6],[7,8]]], '[-2:0]={1,2,3}', ARRAY['\x00'::bytea, '\x5c', ''], ARRAY['NaN', '-0', '1e-300']::float8[], ARRAY['infinity', '0044-03-15 BC']::timestamptz[]),
  (2, ARRAY[NULL]::int[], '{}', NULL, '[5:5]={0}', NULL, NULL, NULL);
INSERT INTO types.arrays (id, i, t) SELECT i, ARRAY[i, NULL], ARRAY['t', i::text] FROM generate_series(10, 300) i;
CREATE TABLE types.keys (u uuid, c char(8), b boolean, v varchar(5), o oid, ti time, iv interval, by bytea, bi bit(8)) DISTRIBUTED BY (u, c, b, v, o, ti, iv, by, bi);
INSERT INTO types.keys SELECT md5(i::text)::uuid, 'c' || i, i % 2 = 0, i, i, time '00:00' + i * interval '1 s', i * interval '1 min', decode(md5(i::text), 'hex'), i::bit(8) FROM generate_series(1, 500) i;
`;
