/** A table with a column of every kind of type, and rows with their extremes. */
export const KINDS_SQL = String.raw`
CREATE TYPE kpair AS (a int, b text);
CREATE TYPE kmood AS ENUM ('sad', 'it''s "ok"');
CREATE TABLE kinds (
  b bool, i2 smallint, i4 int, i8 bigint, r real, d double precision, n numeric(12,3), big numeric(38,10),
  free numeric, wide numeric(50,5), day date, ts timestamp, tz timestamptz(3), by bytea, u uuid,
  t text, vc varchar(5), c char(4), a int[], j json, jb jsonb, comp kpair, rng int4range, iv interval, e kmood,
  m money, x xml, net inet, bits bit varying, tim time);
INSERT INTO kinds VALUES
  (true, 1, 2, 3, 1.5, 2.5, 4.125, 5.5, 6.25, 7.5, '2026-01-31', '2026-01-31 12:34:56.789012', '2026-01-31 12:34:56.789+02',
   '\x00ff0a5c22', '00000000-0000-0000-0000-0000000000ff', 'plain', 'abc', 'ab', '{1,NULL,3}', '{"a":  1}', '{"b": [1, "\\"]}',
   ROW(1, 'x"y,()'), '[1,5)', '1 year 2 mons -3 days', 'sad', '$1.50', '<a>b</a>', '::1', B'101', '12:34:56.789'),
  (false, -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', -999999999.999, -9999999999999999999999999999.9999999999,
   -12345678901234567890.01234567890123456789, -0.00001, '0044-03-15 BC', '0044-03-15 12:00:00 BC', '0001-01-01 00:00:00Z BC',
   '', 'ffffffff-ffff-ffff-ffff-ffffffffffff', E'a\tb\nc\rd\\e"f'',g', '', '', '{}', 'null', 'null', ROW(NULL, NULL), 'empty', '0', 'it''s "ok"',
   '-$0.01', '', '10.0.0.0/8', B'', '24:00'),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (true, 32767, 2147483647, 9223372036854775807, '3.4028235e38', '1.7976931348623157e308', 999999999.999,
   9999999999999999999999999999.9999999999, 'NaN', 99999999999999999999.5, '9999-12-31', '9999-12-31 23:59:59.999999',
   '9999-12-31 23:59:59.999Z', '\x5c78', NULL, E'\\N', '😀é', '\.', ARRAY[[1,2],[3,4]], '"\u2028"', '1', NULL, '(,)', '-178000000 years',
   NULL, NULL, NULL, '::/0', B'11', '00:00');
`;
