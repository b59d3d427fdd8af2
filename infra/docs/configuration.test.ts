import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { Config, ENVIRONMENT } from '../../cli/config/schema.ts';

const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
/** Field → the cells of its line. */
const table = new Map(
  [...page.matchAll(/^\| `([^`]+)` *\|(.*)\|$/gm)].map(([, field = '', rest = '']) => [
    field,
    rest.split('|').map((cell) => cell.trim()),
  ]),
);

/** What a JSON schema of ours may hold. */
interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly default?: unknown;
}

const fields = [...fieldsOf(z.toJSONSchema(Config, { io: 'input' }) as Node)];

test('docs/configuration.md has a line for every field, and none for a field that is not there', () => {
  const described = [...table.keys()].filter((name) => !/^[A-Z]/.test(name));
  expect(described.toSorted()).toEqual(fields.map(({ name }) => name).toSorted());
});

test.each(fields.filter(({ fallback }) => fallback !== undefined))(
  'the default of $name stands in its line',
  ({ name, fallback }) => {
    const text = typeof fallback === 'object' ? JSON.stringify(fallback) : String(fallback);
    expect(table.get(name)?.[0]).toContain(text);
  },
);

test.each(Object.entries(ENVIRONMENT))(
  '%s stands in the line of the field it sets',
  (variable, field) => {
    expect(table.get(field)?.[2]).toBe(`\`${variable}\``);
  },
);

test('every configuration on the page is one', () => {
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
