import { createReadStream } from 'node:fs';
import type { Into } from '../../backup-set/documents/restore-names.ts';
import { type ArchiveObject, archiveObject } from '../objects/expected.ts';
import { readToc } from '../objects/toc.ts';
import { identifierOf } from './identifiers.ts';
import { sqlTokens } from './lexer.ts';
import { type MadeNames, madeNames } from './made-names.ts';

/**
 * The names that a restore of these entries of an archive makes.
 * @param list of pg_restore's --use-list; undefined = all entries.
 */
export async function namesInArchive(
  file: string,
  list: string | undefined,
  into: Into,
): Promise<MadeNames> {
  const ids = list === undefined ? undefined : idsIn(list);
  const objects: ArchiveObject[] = [];
  const ranges: string[] = [];
  for await (const entry of readToc(createReadStream(file), 'the archive of definitions')) {
    if (ids !== undefined && !ids.has(entry.id)) continue;
    objects.push(archiveObject(entry));
    if (entry.kind === 'TYPE') ranges.push(...multirangeOf(entry.definition()));
  }
  return madeNames(into, objects, ranges);
}

function idsIn(list: string): ReadonlySet<number> {
  return new Set([...list.matchAll(/^(\d+);/gm)].map(([, id]) => Number(id)));
}

/** CREATE TYPE … AS RANGE makes a second type, which has no entry of its own. */
export function multirangeOf(definition: string): string[] {
  if (!definition.includes('multirange_type_name')) return [];
  const tokens = [...sqlTokens(definition)];
  const at = tokens.findIndex((token) => identifierOf(token) === 'multirange_type_name');
  const name = at === -1 ? undefined : identifierOf(tokens[at + 4]);
  return name === undefined ? [] : [name];
}
