/** SQL that runs a statement only from this server version on. It must not contain `$later$`. */
export const since = (versionNum: number, statement: string) => `DO $since$ BEGIN
  IF current_setting('server_version_num')::int >= ${versionNum} THEN EXECUTE $later$${statement}$later$; END IF;
END $since$;`;

/** Every built-in type and every kind of user-defined type, with values at their limits. */
export const typesSql = (content: number) => `
CREATE SCHEMA types;

CREATE TABLE types.numbers (id int PRIMARY KEY, a smallint, b integer, c bigint, d real, e double precision, f numeric, g numeric(20,5), h money);
INSERT INTO types.numbers VALUES
  (1, -32768, -2147483648, -9223372036854775808, '-Infinity', '-Infinity', 'NaN', -999999999999999.99999, '-92233720368547758.08'),
  (2, 32767, 2147483647, 9223372036854775807, 'Infinity', 'Infinity', repeat('9', 1000)::numeric, 999999999999999.99999, '92233720368547758.07'),
  (3, 0, 0, 0, 'NaN', 'NaN', 0.00000000000000000000000000001, 0, 0::money),
  (4, NULL, NULL, NULL, '-0', '-0', -0.0, NULL, NULL),
  (5, 1, 1, 1, '1e-45', '5e-324', 1.000000, 1, 1::money),
  (6, 1, 1, 1, '3.4028235e38', '1.7976931348623157e308', 1e131071, 1, 1::money),
  (7, 1, 1, 1, '0.1', '0.1', 1.10, 1.1, 1::money),
  (8, 1, 1, 1, 0.30000001, 0.30000000000000004, 1e-16383, 1, ${content}::money);
${since(140000, "INSERT INTO types.numbers(id, f) VALUES (20, 'Infinity'), (21, '-Infinity')")}

CREATE TABLE types.times (id int PRIMARY KEY, d date, t time, tz timetz, ts timestamp, tstz timestamptz, i interval, i0 interval(0), tsp timestamptz(3));
INSERT INTO types.times VALUES
  (1, '-infinity', '00:00', '00:00:00+15:59', '-infinity', '-infinity', '-178000000 years', '1 day', '2024-01-01 00:00:00.123456+00'),
  (2, 'infinity', '24:00', '24:00:00-15:59', 'infinity', 'infinity', '178000000 years', '-1 s', NULL),
  (3, '4713-01-01 BC', '23:59:59.999999', '12:00+00', '4713-01-01 00:00 BC', '0044-03-15 12:00 BC', '1 year -2 mons 3 days -04:05:06.789', NULL, NULL),
  (4, '5874897-12-31', NULL, NULL, '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '0', NULL, NULL),
  (5, '1582-10-15', NULL, NULL, '2024-03-31 02:30', '2024-03-31 02:30 Europe/Berlin', '-00:00:00.000001', NULL, NULL),
  (6, '2024-02-29'::date + ${content}, NULL, NULL, '1970-01-01', 'epoch', '1 mon 30 days 720:00', NULL, NULL);
${since(170000, "INSERT INTO types.times(id, i) VALUES (20, 'infinity'), (21, '-infinity')")}

CREATE TABLE types.bits (id int PRIMARY KEY, raw bytea, one bit, eight bit(8), more varbit, yes boolean, uu uuid, tiny "char", n name);
INSERT INTO types.bits VALUES
  (1, (SELECT decode(string_agg(lpad(to_hex(i), 2, '0'), '' ORDER BY i), 'hex') FROM generate_series(0, 255) i), B'1', B'10101010', B'', true, '00000000-0000-0000-0000-000000000000', 'x', repeat('n', 63)),
  (2, '', B'0', B'00000000', B'1', false, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '', ''),
  (3, '\\x5c2e0a5c4e', NULL, NULL, repeat('10', 500)::varbit, NULL, NULL, '\\', '\\N'),
  (4, decode(repeat('00', 1000), 'hex'), NULL, NULL, NULL, NULL, md5('${content}')::uuid, '\t', NULL);
INSERT INTO types.bits(id, raw, tiny) SELECT 1000 + i, decode(lpad(to_hex(i), 2, '0'), 'hex'), chr(i % 127 + 1)::"char" FROM generate_series(0, 255) i;

CREATE TABLE types.network (id int PRIMARY KEY, a inet, b cidr, c macaddr, d macaddr8);
INSERT INTO types.network VALUES (1, '192.168.0.1/24', '192.168.0.0/24', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'),
  (2, '::1', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', NULL), (3, '0.0.0.0/0', '::/0', NULL, NULL), (4, '10.0.0.${content}', NULL, NULL, NULL);

CREATE TABLE types.documents (id int PRIMARY KEY, j json, jb jsonb, p jsonpath, x xml, v tsvector, q tsquery);
INSERT INTO types.documents VALUES
  (1, '{"b":1,  "a":1, "a":2, "zero":"\\u0000", "tab":"\\t", "end":"\\\\."}', '{"b":1, "a":{"deep":[null,true,1e400,"\\u00e9\\n\\\\"]}}', '$.a[*] ? (@ > 1)', '<a b="c">&amp;<![CDATA[<]]></a>', $$'a\\b':1A 'it''s':2,3B$$, $$'it''s' & !(b:* | c) <-> d$$),
  (2, 'null', 'null', '$', '', '', ''),
  (3, '""', '[]', NULL, XMLPARSE(CONTENT '<?xml version="1.0"?>two<b/>roots'), NULL, NULL),
  (4, E'{\\n"line":\\n\\t${content}}', jsonb_build_object('content', ${content}), NULL, NULL, to_tsvector('simple', 'content ${content}'), NULL);

CREATE TABLE types.shapes (id int PRIMARY KEY, p point, l line, s lseg, b box, open path, closed path, y polygon, c circle);
INSERT INTO types.shapes VALUES
  (1, '(-0,1e-300)', '{1,-1,0}', '[(0,0),(1,1)]', '((1,1),(0,0))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '((0,0),(1,1),(2,0))', '<(0,0),0.1>'),
  (2, '(Infinity,NaN)', NULL, NULL, NULL, NULL, NULL, NULL, '<(${content},${content}),1>');

CREATE TABLE types.system (id int PRIMARY KEY, o oid, rc regclass, rt regtype, rp regprocedure, ro regoperator, rr regrole, ns regnamespace, rcf regconfig, l pg_lsn, t tid, x xid, c cid, s txid_snapshot, x8 xid8, sn pg_snapshot, iv int2vector, ov oidvector, rf refcursor);
INSERT INTO types.system VALUES (1, 4294967295, 'types.bits', 'timestamptz', 'pg_catalog.lower(text)', '+(int,int)', 'pg_monitor', 'types', 'simple', 'FFFFFFFF/FFFFFFFF', '(4294967295,65535)', '4294967295', '0', '10:20:10,14,15', '18446744073709551615', '10:20:10,14,15', '1 2 3', '1 2', 'cursor'),
  (2, ${content}, '-', '-', '-', NULL, NULL, NULL, NULL, '0/0', '(0,0)', '0', '0', NULL, '0', NULL, '', '', NULL);

CREATE TABLE types.ranges (id int PRIMARY KEY, a int4range, b int8range, c numrange, d tsrange, e tstzrange, f daterange);
INSERT INTO types.ranges VALUES (1, 'empty', '(,)', '[1.10,)', '[-infinity,infinity]', '["2024-01-01 00:00+00",)', '[2024-01-01,2024-12-31]'),
  (2, '[1,1]', '[1,10)', '(NaN,NaN)', NULL, NULL, '[,infinity)'), (3, '[${content},)', NULL, NULL, NULL, NULL, NULL);
CREATE TYPE types.text_range AS RANGE (subtype = text, collation = "C");
CREATE TABLE types.text_ranges (id int PRIMARY KEY, r types.text_range);
INSERT INTO types.text_ranges VALUES (1, types.text_range('a,"b\\', E'z\\n)')), (2, types.text_range('', NULL)), (3, 'empty');
${since(140000, "CREATE TABLE types.multiranges AS SELECT 1 AS id, '{}'::int4multirange a, '{[1,3),[5,7)}'::int8multirange b, '{(,1.5),[2,)}'::nummultirange c, '{[2024-01-01,2024-02-01),[2024-03-01,)}'::datemultirange d, '{[\"a,\",b),[\"x\"\"\",y)}'::types.text_multirange e")}

CREATE TYPE types.mood AS ENUM ('fine', 'so so', 'it''s "bad"', 'a,b', '\\N', '\\.', '${'e'.repeat(63)}', 'NULL', '🙂', '');
ALTER TYPE types.mood ADD VALUE 'in between' BEFORE 'so so'; -- its sort order is a fraction
CREATE DOMAIN types.positive AS numeric(10,2) DEFAULT 1 CONSTRAINT "above zero" CHECK (VALUE > 0);
CREATE DOMAIN types.tags AS text[] CHECK (array_position(VALUE, NULL) IS NULL);
CREATE DOMAIN types.positive_too AS types.positive NOT NULL;
CREATE TYPE types.pair AS (a text, "B c" int);
CREATE TYPE types.nested AS (p types.pair, ps types.pair[], m types.mood);
CREATE TABLE types.made (id int PRIMARY KEY, m types.mood, ms types.mood[], d types.positive, dt types.tags, dd types.positive_too, p types.pair, n types.nested, ns types.nested[]);
INSERT INTO types.made VALUES
  (1, 'it''s "bad"', ARRAY['a,b', '\\N', NULL, 'NULL', '']::types.mood[], 0.01, ARRAY['x', ''], 1, ROW(E'"quoted", (and)\\n\\\\', 1), ROW(ROW(NULL, NULL), ARRAY[ROW('', 1)::types.pair, NULL], '\\.'), NULL),
  (2, '', '{}', NULL, NULL, ${content} + 1, ROW('', NULL), NULL, ARRAY[ROW(ROW('a,"b"', 2), NULL, 'fine')::types.nested]);

CREATE TABLE types.arrays (id int PRIMARY KEY, i int[], t text[], deep int[][][], at_minus int[], b bytea[], f float8[], ts timestamptz[], j jsonb[], bx box[]);
INSERT INTO types.arrays VALUES
  (1, '{}', ARRAY['', 'NULL', NULL, '"', '\\', ',', '{}', ' ', E'\\n', E'\\t', '\\N', '\\.'], ARRAY[[[1,2],[3,NULL]],[[5,6],[7,8]]], '[-2:0]={1,2,3}', ARRAY['\\x00'::bytea, '\\x5c', ''], ARRAY['NaN', '-0', '5e-324']::float8[], ARRAY['infinity', '0044-03-15 BC']::timestamptz[], ARRAY['{"a":"\\"x"}', 'null']::jsonb[], ARRAY[box '((1,1),(0,0))', box '((2,2),(0,0))']),
  (2, ARRAY[NULL]::int[], '{}', NULL, '[5:5]={${content}}', NULL, NULL, NULL, NULL, NULL);
`;
