import { createReadStream } from 'node:fs';
import { readToc } from '../objects/toc.ts';
import { identifierOf } from './identifiers.ts';
import { sqlTokens } from './lexer.ts';

/** The second types that CREATE TYPE … AS RANGE makes: they have no entries of their own. */
export async function multirangesIn(file: string, key: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { kind, definition } of readToc(createReadStream(file), key))
    if (kind === 'TYPE') names.push(...multirangeOf(definition()));
  return names;
}

function multirangeOf(definition: string): string[] {
  if (!definition.includes('multirange_type_name')) return [];
  const tokens = [...sqlTokens(definition)];
  const at = tokens.findIndex((token) => identifierOf(token) === 'multirange_type_name');
  const name = at === -1 ? undefined : identifierOf(tokens[at + 4]);
  return name === undefined ? [] : [name];
}
