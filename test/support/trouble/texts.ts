/** Texts that look like COPY syntax, or that a faulty reader splits, trims or recodes. */
export const textsSql = (content: number) => `
CREATE SCHEMA texts;
CREATE TABLE texts.texts (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text, v varchar(20), c char(10));
INSERT INTO texts.texts(t) VALUES
  (NULL), (''), ('\\N'), ('\\\\N'), ('NULL'), ('\\.'), (E'\\\\.\\n'), (E'a\\n\\\\.\\nb'), (E'\\n\\\\.'), (E'\\\\.\\r\\n'),
  ('\\'), ('\\\\'), (E'\\n'), (E'\\r'), (E'\\r\\n'), (E'\\t'), (E'\\b\\f\\v'), (E'\\\\n'), (E'\\\\t'), (E'\\\\x41'), (E'\\\\101'), (E'end with\\\\'),
  (' leading and trailing '), (E'\\u00a0\\u2028\\u2029\\ufeff'), ('🙂👩‍👩‍👧‍👦𝒳'), (E'e\\u0301 is not \\u00e9'), (E'\\U0010FFFF'), ('日本語'), ('עברית'),
  (E'\\x01\\x02\\x1f\\x7f'), ('"'), (''''), ('a,b;c|d'), ('--'), ('/* */'), ('$$'), (':variable'), ('%s %d'), ('content ${content}');
INSERT INTO texts.texts(t) SELECT chr(i) FROM generate_series(1, 255) i;
INSERT INTO texts.texts(t) SELECT repeat(chr(i), 3) FROM generate_series(65500, 65533) i;
INSERT INTO texts.texts(v, c) VALUES ('', ''), ('  x  ', '  x  '), ('🙂🙂🙂🙂🙂', '🙂'), (E'\\t', E'\\n');

-- One column, so that a row can look like the end of the data, like a NULL, or like an empty line.
CREATE TABLE texts.one_column (t text);
INSERT INTO texts.one_column VALUES ('\\.'), (''), (NULL), ('\\N'), (E'\\n'), (E'\\n\\\\.\\n'), ('\\'), ('${content}');
-- Only empty lines.
CREATE TABLE texts.empty_texts (t text);
INSERT INTO texts.empty_texts SELECT '' FROM generate_series(1, 100);
-- Many columns of NULL.
CREATE TABLE texts.nulls (a int, b text, c bytea, d jsonb, e int[]);
INSERT INTO texts.nulls SELECT NULL FROM generate_series(1, 10 + ${content});
-- The same row again and again: a comparison by sets would not see the difference.
CREATE TABLE texts.duplicates (a int, b text);
INSERT INTO texts.duplicates SELECT 1, 'same' FROM generate_series(1, 1000 + ${content});
`;
