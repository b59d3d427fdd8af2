import * as fc from 'fast-check';
import type { QualifiedName } from '../base/selection.ts';

/** Names that broke backup programs: legal PostgreSQL identifiers, or almost. */
export const HOSTILE_NAMES = [
  'a.b',
  'a"b',
  '"',
  '""',
  "it's",
  '*',
  'a*b',
  '../../etc/passwd',
  '/',
  '\\',
  'line\nbreak',
  'tab\there',
  ' ',
  '\u0001\u001f\u007f',
  '🐘🐘',
  'ﷺ',
  'x'.repeat(63),
  '__proto__',
  'constructor',
  'toString',
  'my-table',
  '(a|b)+$',
  '[x]{1}^?',
  '\u2028',
  '%s',
  'null',
  '-1',
] as const;

export const hostileName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_NAMES),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.stringMatching(/^[a-c.*"]{1,6}$/),
);

export const qualifiedName: fc.Arbitrary<QualifiedName> = fc.record({
  schema: hostileName,
  name: hostileName,
});

/** The pattern that matches only this name. */
export const quoted = (...parts: readonly string[]) =>
  parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
