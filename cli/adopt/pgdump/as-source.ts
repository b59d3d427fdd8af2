import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Group } from '../../../backup-set/documents/plan.ts';
import { sequenceStatement } from '../../../database/catalog/sequences.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { writeArchive } from '../archive/write-archive.ts';
import type { AdoptedSource, SourcePart } from '../convert/source.ts';
import { relationKey } from '../convert/source.ts';
import type { Distribution } from '../distribution/distribution.ts';
import { nameDecoder } from '../script/name-decoder.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { DatabaseDump, Dump, DumpFacts } from './dump.ts';
import type { JudgedDatabase } from './judge.ts';

const LEVEL = 9;
/** A dump does not say which server it is from. */
const UNKNOWN_SERVER = { host: 'pg_dump', port: 0 };

/** What all databases of a dump share. */
export interface SourceSettings {
  readonly tool: Dump['tool'];
  /** Where the dump lay. */
  readonly place: string;
  readonly createdAt: string | undefined;
  readonly globals: Buffer | undefined;
  /** How Greenplum distributes the tables; undefined: the set is for PostgreSQL. */
  readonly distribution: Distribution | undefined;
  readonly group: Group | undefined;
}

/** A database of a dump as a source of a set. */
export async function asSource(
  judged: JudgedDatabase,
  wanted: { readonly timestamp: string; readonly database: string },
  settings: SourceSettings,
  reader: { readonly parts: DatabaseDump['parts']; readonly problems: readonly string[] },
): Promise<AdoptedSource> {
  const { facts, relations, lacking, hasLargeObjects } = judged;
  const { tool, place, createdAt, globals, distribution, group } = settings;
  const wantedKeys = new Set(relations.map(relationKey));
  const isPartial = reader.problems.length > 0;
  const leftOut = [...facts.leftOut, ...(distribution?.leftOut(facts) ?? [])];
  return {
    ...wanted,
    source: {
      tool,
      version: facts.dumpVersion,
      timestamp: createdAt ?? wanted.timestamp,
      place,
      options: '',
      counted: 'adoption',
      ...(leftOut.length > 0 && { leftOut }),
    },
    ...(distribution === undefined && { flavour: 'shards' as const }),
    serverVersion: facts.serverVersion,
    encoding: facts.encoding,
    locale: facts.locale,
    refresh: facts.refresh,
    group,
    coordinator: UNKNOWN_SERVER,
    metadata: [
      ...(globals === undefined ? [] : [await globalsFile(globals)]),
      { file: 'schema.dump', bytes: schemaOf(facts, distribution) },
      { file: 'sequences.sql.zst', bytes: await zstd.encode(sequencesText(facts), LEVEL) },
    ],
    filesAmongRows: hasLargeObjects ? ['large-objects.dump'] : [],
    contents: [
      {
        content: 0,
        ...UNKNOWN_SERVER,
        relations,
        read: () => (isPartial ? soundParts(reader.parts(), wantedKeys) : reader.parts()),
      },
    ],
    partitionRoots: facts.partitionRoots,
    lacking,
    failures: reader.problems.map((message) => ({ content: 0, message })),
  };
}

function schemaOf(facts: DumpFacts, distribution: Distribution | undefined): Buffer {
  if (distribution === undefined) return facts.archive();
  const { database = '', encoding, standardStrings } = facts;
  return writeArchive(
    { database, encoding, standardStrings, version: facts.serverVersion || facts.dumpVersion },
    distribution.objects(facts),
  );
}

function sequencesText({ sequences, encoding }: DumpFacts): Buffer {
  const decode = nameDecoder(encoding);
  const lines = sequences.map(
    (value) =>
      `${sequenceStatement({ ...value, schema: decode(value.schema), name: decode(value.name) })}\n`,
  );
  return Buffer.from(lines.join(''));
}

/** @throws StowageError `adopt/unsupported` when a restore would refuse them. */
export async function globalsFile(globals: Buffer) {
  try {
    for (const _ of globalStatements(globals, 'the dump of pg_dumpall'));
  } catch (error) {
    throw new StowageError(
      'adopt/unsupported',
      `the globals of the dump cannot be restored: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return { file: 'globals.sql.zst' as const, bytes: await zstd.encode(globals, LEVEL) };
}

/** With `--partial`: the tables that the first reading has read to their end. */
async function* soundParts(
  parts: AsyncGenerator<SourcePart>,
  wanted: ReadonlySet<string>,
): AsyncGenerator<SourcePart> {
  try {
    for await (const part of parts) {
      if ('file' in part || wanted.has(relationKey(part))) yield part;
      else await drained(part.rows);
    }
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
  }
}

/** What is not sound in the rows ends them; the reader of the tables says whether others follow. */
async function drained(rows: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const _ of rows);
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
  }
}
