import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sequenceStatement } from '../catalog/sequences.ts';
import { parseSequenceValues } from './sequence-values.ts';

const OBJECT = 'metadata/0/1-sequences.sql.zst';
const name = fc.string({
  minLength: 1,
  maxLength: 63,
  unit: fc.constantFrom(...'\\\'"\n\r.;$! aé🙂'),
});

describe('the sequences of a set', () => {
  it('are read as they were written, whatever their names', () => {
    const value = fc.record({
      schema: name,
      name,
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      called: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        const text = values.map((one) => `${sequenceStatement(one)}\n`).join('');
        expect(parseSequenceValues(text, OBJECT)).toEqual(values);
      }),
    );
  });

  it.each([
    '\\! touch x',
    '',
    'SELECT 1;',
    `SELECT pg_catalog.setval('"a"."b"'::regclass, 1, true); \\! touch x`,
    `SELECT pg_catalog.setval('"a"."b"'::regclass, 1, true); DROP TABLE x;`,
    `SELECT pg_catalog.setval('"a"."b"'::regclass, (SELECT 1), true);`,
    `SELECT pg_catalog.setval('a.b'::regclass, 1, true);`,
    `SELECT pg_catalog.setval('"a"."b"; x'::regclass, 1, true);`,
    `SELECT pg_catalog.setval('"a"."b\\'::regclass, 1, true);`,
    `SELECT pg_catalog.setval(E'"a"."b\\'::regclass, 1, true); --"'::regclass, 1, true);`,
    `SELECT pg_catalog.setval(E'"a"."\\x41"'::regclass, 1, true);`,
    `SELECT pg_catalog.setval('"a"."${'b'.repeat(3000)}"'::regclass, 1, true);`,
    `SELECT public.setval('"a"."b"'::regclass, 1, true);`,
  ])('are refused with line and object when a line is %j', (line) => {
    const first = sequenceStatement({ schema: 's', name: 'n', value: '7', called: true });
    expect(() => parseSequenceValues(`${first}\n${line}\n`, OBJECT)).toThrow(
      expect.objectContaining({
        code: 'set/unreadable',
        message: expect.stringContaining(`line 2 of the sequences ${OBJECT} was refused`),
        where: { object: OBJECT },
      }) as Error,
    );
  });
});
