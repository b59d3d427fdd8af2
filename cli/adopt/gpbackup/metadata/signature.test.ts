import { expect, test } from 'vitest';
import { withoutArgumentNames } from './signature.ts';

test.each([
  ['f()', 'f()'],
  ['f(x integer)', 'f(integer)'],
  ['f(integer)', 'f(integer)'],
  ['f(x double precision, y numeric(10,2))', 'f(double precision, numeric(10,2))'],
  ['f(double precision)', 'f(double precision)'],
  ['f("a, b" text, VARIADIC z text[])', 'f(text, text[])'],
  [
    'f(x timestamp without time zone, timestamp(3) with time zone)',
    'f(timestamp without time zone, timestamp(3) with time zone)',
  ],
  ['f(INOUT a app.mood, OUT b integer, character varying)', 'f(app.mood, character varying)'],
  ['"odd (name"(x "Odd"."Type")', '"odd (name"("Odd"."Type")'],
  ['agg(*)', 'agg(*)'],
])('%s is tagged %s', (signature, tag) => {
  expect(withoutArgumentNames(signature)).toBe(tag);
});
