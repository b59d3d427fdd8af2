import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { Config, ENVIRONMENT } from '../../cli/config/schema.ts';

const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
/** Field → the cells of its row. */
const table = new Map(
  [...page.matchAll(/^\| `([^`]+)` *\|(.*)\|$/gm)].map(([, field = '', rest = '']) => [
    field,
    rest.split('|').map((cell) => cell.trim()),
  ]),
);

/** The parts of a JSON schema that the tests read. */
interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly default?: unknown;
}

const fields = [...fieldsOf(z.toJSONSchema(Config, { io: 'input' }) as Node)];

test('docs/configuration.md has a row for every field, and no row for an unknown field', () => {
  const described = [...table.keys()].filter((name) => !/^[A-Z]/.test(name));
  expect(described.toSorted()).toEqual(fields.map(({ name }) => name).toSorted());
});

test.each(fields.filter(({ fallback }) => fallback !== undefined))(
  'docs/configuration.md has the default of $name in its row',
  ({ name, fallback }) => {
    const text = typeof fallback === 'object' ? JSON.stringify(fallback) : String(fallback);
    expect(table.get(name)?.[0]).toContain(text);
  },
);

test.each(Object.entries(ENVIRONMENT))(
  'docs/configuration.md has %s in the row of the field that it sets',
  (variable, field) => {
    expect(table.get(field)?.[2]).toBe(`\`${variable}\``);
  },
);

test('every configuration on docs/configuration.md is valid', () => {
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, text = '']) => parse(text) as object,
  );
  expect(blocks.length).toBeGreaterThan(2);
  const [whole] = blocks;
  for (const block of blocks)
    expect(Config.safeParse({ ...whole, ...block }).error).toBeUndefined();
});

function* fieldsOf(node: Node, path = ''): Generator<{ name: string; fallback: unknown }> {
  if (node.properties !== undefined) {
    for (const [name, inner] of Object.entries(node.properties))
      yield* fieldsOf(inner, path === '' ? name : `${path}.${name}`);
  } else if (node.items?.properties !== undefined) {
    yield* fieldsOf(node.items, `${path}[]`);
  } else {
    yield { name: path, fallback: node.default };
  }
}
