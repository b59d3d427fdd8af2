import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FIELDS, type FieldValues, render, renderLines, templateProblem } from './template.ts';

const valuesOf = (value: string) =>
  Object.fromEntries(FIELDS.map((field) => [field, value])) as FieldValues;

describe('a template', () => {
  test.each(FIELDS)('may name the field %s', (field) => {
    expect(templateProblem(`a {${field}} b`)).toBeUndefined();
    expect(render(`a {${field}} b`, valuesOf('x'))).toBe('a x b');
  });

  test('has braces where they are written twice', () => {
    expect(templateProblem('{{title}} {title}')).toBeUndefined();
    expect(render('{{title}} {title}', valuesOf('x'))).toBe('{title} x');
  });

  test.each([
    ['{tilte}', 'names an unknown field {tilte}; the fields are event, severity'],
    ['{title.length}', 'names an unknown field {title.length}'],
    ['{}', 'names an unknown field {}'],
    ['{title', 'has a single {'],
    ['title}', 'has a single }'],
  ])('is refused when it is %s', (text, problem) => {
    expect(templateProblem(text)).toContain(problem);
  });

  test('leaves out the lines of which all fields are empty', () => {
    const values = { ...valuesOf('x'), set: '', root: '' };
    expect(renderLines('{title}\nset: {set}\nin {set} {title}\n{set}{root}\nend', values)).toBe(
      'x\nin  x\nend',
    );
  });

  test('never interprets a value, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(render('<{title}>', valuesOf(value))).toBe(`<${value}>`);
      }),
    );
    expect(render('{title}', valuesOf('{set} $& {{'))).toBe('{set} $& {{');
  });
});
