CREATE TYPE public.mood AS ENUM ('sad', 'it''s "ok"', 'happy');
CREATE TYPE public.pair AS (a int, b text);
CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
CREATE TABLE public.troublesome (
  id int PRIMARY KEY, t text, b bytea, n numeric, f float8, d date, ts timestamptz, iv interval, j json, jb jsonb,
  a text[], r int4range, dom public.positive, e public.mood, comp public.pair, u uuid, x xml, bits bit varying, net inet);
INSERT INTO public.troublesome (id, t) VALUES (1, E'\\.'), (2, E'a\nb\r\nc\td\\e\bf\fg\vh'), (3, ''), (4, NULL), (5, E'\\N'), (6, '😀 é \u0085');
INSERT INTO public.troublesome VALUES
  (7, 'x', '\x00ff0a5c', 'NaN', 'NaN', 'infinity', '-infinity', '-1 year 2 mons 3 days 04:05:06.789', '{"a":  1}', '{"a": [1, "\\"]}',
   ARRAY['a,b', 'NULL', NULL, '"{}\', ''], 'empty', 1, 'it''s "ok"', ROW(1, 'a"b,()'), '00000000-0000-0000-0000-000000000001', '<a>b</a>', B'1010', '::1'),
  (8, repeat(E'\\\n', 5000), decode(repeat('00ff', 5000), 'hex'), 1e-100, '-0', '0001-01-01 BC', '2026-11-22 19:07:42.123456+14', '178000000 years', 'null', 'null',
   '{}', '[1,)', 2, 'sad', ROW(NULL, NULL), NULL, NULL, B'', '10.0.0.0/8'),
  (9, 'y', '', 12345678901234567890.0123456789, 5e-324, '5874897-12-31', '294276-12-31 23:59:59.999999Z', '0', '"\u2028"', '1',
   ARRAY[ARRAY['a', 'b'], ARRAY['c', 'd']]::text[], '(,)', 3, 'happy', NULL, NULL, NULL, NULL, NULL);
CREATE TABLE public."no columns" ();
INSERT INTO public."no columns" DEFAULT VALUES;
INSERT INTO public."no columns" DEFAULT VALUES;
INSERT INTO public."no columns" DEFAULT VALUES;
CREATE TABLE public.empty (a int);
CREATE SCHEMA "we""ird.schema";
CREATE TABLE "we""ird.schema"."ta
b'le\;--" ("co""l" int, " " text, "select" text, "😀" text);
INSERT INTO "we""ird.schema"."ta
b'le\;--" VALUES (1, 'a', E'\t', NULL), (2, '', NULL, '😀');
CREATE TABLE public.generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c text);
INSERT INTO public.generated (a, c) VALUES (1, 'x'), (NULL, NULL);
CREATE TABLE public."all generated" (b int GENERATED ALWAYS AS (42) STORED);
INSERT INTO public."all generated" DEFAULT VALUES;
INSERT INTO public."all generated" DEFAULT VALUES;
