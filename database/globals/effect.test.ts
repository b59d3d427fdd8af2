import { expect, test } from 'vitest';
import { globalStatements } from './statements.ts';

const effectsOf = (...lines: readonly string[]) =>
  [...globalStatements(Buffer.from(lines.join('\n')), 'globals')].map(
    ({ effect, mayBeInTransaction }) => ({ ...effect, mayBeInTransaction }),
  );

test.each([
  ['CREATE ROLE a;', { kind: 'makes', object: 'ROLE', name: 'a' }],
  ['ALTER ROLE "a b" WITH NOLOGIN;', { kind: 'changes', object: 'ROLE', name: '"a b"' }],
  [`ALTER ROLE a SET "in" TO 'x';`, { kind: 'changes', object: 'ROLE', name: 'a' }],
  [`ALTER ROLE a IN DATABASE "d" SET x TO 1;`, { kind: 'in-database', database: '"d"' }],
  [`COMMENT ON ROLE a IS 'x';`, { kind: 'changes', object: 'ROLE', name: 'a' }],
  [`SECURITY LABEL FOR p ON ROLE a IS 'x';`, { kind: 'changes', object: 'ROLE', name: 'a' }],
  ['GRANT a TO b;', { kind: 'joins', role: 'a', member: 'b', mayTake: false }],
  [
    'GRANT a TO b WITH INHERIT FALSE GRANTED BY c;',
    { kind: 'joins', role: 'a', member: 'b', mayTake: true },
  ],
  ['GRANT CREATE ON TABLESPACE t TO a;', { kind: 'other' }],
  ['REVOKE ALL ON TABLESPACE t FROM PUBLIC;', { kind: 'changes', object: 'TABLESPACE', name: 't' }],
  ['REVOKE ALL ON PARAMETER "x" FROM a;', { kind: 'changes', object: 'PARAMETER', name: '"x"' }],
])('%s is known by what it does', (text, effect) => {
  expect(effectsOf(text)).toEqual([{ ...effect, mayBeInTransaction: true }]);
});

test.each([
  [`CREATE TABLESPACE t LOCATION '/x';`, { kind: 'makes', object: 'TABLESPACE', name: 't' }],
  ['ALTER TABLESPACE t OWNER TO a;', { kind: 'changes', object: 'TABLESPACE', name: 't' }],
  ['CREATE RESOURCE GROUP g WITH (cpu_rate_limit=1);', { kind: 'other' }],
])('%s is run outside a transaction', (text, effect) => {
  expect(effectsOf(text)).toEqual([{ ...effect, mayBeInTransaction: false }]);
});

test('names are decoded from the encoding that the globals name', () => {
  const text = `SET client_encoding = 'LATIN1';\nCREATE ROLE "f\u00fc""r";\n`;
  const [, made] = globalStatements(Buffer.from(text, 'latin1'), 'globals');
  expect(made?.effect.kind === 'makes' && made.named(made.effect.name)).toBe('fü"r');
});
