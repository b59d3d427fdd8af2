import { createReadStream } from 'node:fs';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { ObjectRef } from '../../backup-set/documents/receipt.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { type Choice, chooseEntries } from '../../database/objects/choice/choose.ts';
import {
  type ArchiveEntry,
  archiveEntry,
  describeEntry,
} from '../../database/objects/choice/entries.ts';
import { listedIn, useList } from '../../database/objects/choice/lists.ts';
import { type ArchiveHeader, readToc } from '../../database/objects/toc.ts';
import { type Script, scriptOf } from '../../database/plain/script.ts';
import { withRestoreProgram } from '../../database/tools/fitting/restore-program.ts';
import { schemaText } from '../../database/tools/restore.ts';
import type { DumpOptions } from './options.ts';

/** The definitions of a dump, as SQL. */
export interface Definitions {
  readonly preData: Script;
  readonly postData: Script;
  /** Chosen objects that cannot be made. */
  readonly leftOut: readonly string[];
  /** Tables that are made without rows, because a chosen one needs their definition. */
  readonly withoutRows: readonly string[];
  /** Whether a sequence, or a materialized view, is made. */
  isMade(kind: 'SEQUENCE' | 'MATERIALIZED VIEW', name: QualifiedName): boolean;
}

/**
 * Prints the definitions that a restore of the same selection would make, in a file of the archive.
 * @param only names of the chosen relations, and of their roots; undefined: everything.
 */
export async function readDefinitions(
  place: ConnectionTarget,
  file: string,
  { key }: ObjectRef,
  only: readonly QualifiedName[] | undefined,
  options: DumpOptions,
  signal: AbortSignal,
): Promise<Definitions> {
  const { entries, header } = await entriesIn(file, key);
  const work = { archive: header, file: 'schema.dump', serverVersion: header.serverVersion };
  const target = await withRestoreProgram(place, { ...work, connects: false }, signal);
  const choice =
    only === undefined
      ? undefined
      : chooseEntries(entries, { only, selection: options.selection }, () => false);
  const { noOwner, noAcl, plainPostgres } = options;
  const print = async (section: 'pre-data' | 'post-data' | undefined, list: string | undefined) => {
    const sections = { ...(section && { section }), ...(list !== undefined && { list }) };
    const text = await schemaText(target, file, { ...sections, noOwner, noAcl, signal });
    return scriptOf(text, plainPostgres, key);
  };
  const preData = await print('pre-data', listOf(entries, 'pre-data', choice));
  const postData = await print('post-data', listOf(entries, 'post-data', choice));
  const tried = choice === undefined || choice.tried.length === 0 ? undefined : choice.tried;
  const more = tried && (await print(undefined, useList(tried)));
  const made = new Set([...(choice?.made ?? entries), ...(choice?.tried ?? [])].map(keyOf));
  return {
    preData,
    postData: more === undefined ? postData : joined(postData, more),
    leftOut: (choice?.leftOut ?? []).map(
      ({ entry, reason }) => `${describeEntry(entry)}: ${reason}`,
    ),
    withoutRows: (choice?.withoutRows ?? []).map(describeEntry),
    isMade: (kind, { schema, name }) => made.has(keyOf({ kind, schema, name })),
  };
}

async function entriesIn(
  file: string,
  key: string,
): Promise<{ readonly entries: readonly ArchiveEntry[]; readonly header: ArchiveHeader }> {
  const entries: ArchiveEntry[] = [];
  let header: ArchiveHeader | undefined;
  const onHeader = (found: ArchiveHeader) => {
    header = found;
  };
  for await (const entry of readToc(createReadStream(file), key, onHeader))
    entries.push(archiveEntry(entry));
  if (header === undefined)
    throw new StowageError('set/unreadable', `${key}: the archive has no header`);
  return { entries, header };
}

function listOf(
  entries: readonly ArchiveEntry[],
  section: 'pre-data' | 'post-data',
  choice: Choice<ArchiveEntry> | undefined,
): string | undefined {
  if (choice === undefined) return undefined;
  const made = new Set(choice.made);
  return useList(listedIn(entries, section, (entry) => made.has(entry)));
}

const joined = (one: Script, other: Script): Script => ({
  text: `${one.text}\n${other.text}`,
  changes: [...one.changes, ...other.changes],
  unpartitioned: [...one.unpartitioned, ...other.unpartitioned],
});

const keyOf = ({ kind, schema, name = '' }: Pick<ArchiveEntry, 'kind' | 'schema' | 'name'>) =>
  JSON.stringify([kind, schema, name]);
