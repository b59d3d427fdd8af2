import { StowageError } from '../../../backup-set/base/errors.ts';
import type { SequenceValue } from '../../../database/catalog/sequences.ts';
import { sequenceStatement } from '../../../database/catalog/sequences.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { withDependencies } from '../archive/dependencies.ts';
import { type GlobalsFile, globalsOfScript } from '../archive/globals.ts';
import { partitionsOf } from '../archive/partitions.ts';
import type { ScriptObject } from '../archive/script-objects.ts';
import { writeArchive } from '../archive/write-archive.ts';
import { type AdoptedSource, type SourceContent, tableKey } from '../convert/source.ts';
import { unquoted } from '../script/copy-statement.ts';
import { nameDecoder } from '../script/name-decoder.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { ResolvedSet, TakenDump } from './chain.ts';
import { dataSections } from './data-sections.ts';
import { type GpcrondumpSet, type SegmentDump, textOf } from './read-set.ts';

const LEVEL = 9;

/** A judged set of gpcrondump as a source of rows. */
export async function asSource(set: ResolvedSet): Promise<AdoptedSource> {
  const { timestamp, definitions, master, segments } = set;
  const encoding = definitions.encoding ?? 'UTF8';
  const decode = nameDecoder(encoding);
  const { roots, empty } = partitionsIn(definitions.objects, decode);
  const serverVersion = set.hasNewNames ? '5' : '4';
  const database = master.database;
  const globals = await globalsFile(set);
  const oids = new Map(
    segments.flatMap(({ sections }) =>
      sections.filter((section) => section.oids).map((one) => [tableKey(one), one] as const),
    ),
  );
  const leftOut = [
    ...[...oids.values()].map(({ schema, name }) => ({ kind: 'oids', name: `${schema}.${name}` })),
    ...globals.leftOut,
    ...(set.hasDefinitions ? [] : [{ kind: 'definitions', name: '(gp_dump -a)' }]),
  ];
  const objects = [...databaseObject(set), ...definitions.objects, ...set.postData.objects];
  const schema = writeArchive(
    {
      database,
      encoding,
      standardStrings: definitions.standardStrings,
      version: serverVersion === '5' ? '8.3.23' : '8.2.15',
    },
    withDependencies(objects),
  );
  return {
    timestamp,
    database,
    source: {
      tool: 'gpcrondump',
      version: serverVersion,
      timestamp,
      place: `${master.host}:${master.folder}`,
      options: set.options,
      counted: 'adoption',
      ...(leftOut.length > 0 && { leftOut }),
    },
    serverVersion,
    encoding,
    coordinator: { host: master.host, port: master.port },
    metadata: [
      ...globals.files,
      { file: 'schema.dump', bytes: schema },
      {
        file: 'sequences.sql.zst',
        bytes: await zstd.encode(sequencesText(definitions.sequences, decode), LEVEL),
      },
    ],
    contents: segments.map((segment) => contentOf(segment, set.takenFrom(segment.content), empty)),
    partitionRoots: roots,
    failures: set.problems.map(({ file, content, message }) => ({
      content,
      message: `${file}: ${message}`,
    })),
  };
}

function contentOf(
  { content, host, port }: SegmentDump,
  taken: readonly TakenDump[],
  empty: ReadonlySet<string>,
): SourceContent {
  const relations = taken
    .flatMap(({ sections }) => sections)
    .filter((section) => section.rows > 0 || !empty.has(tableKey(section)));
  return {
    content,
    host,
    port,
    relations,
    async *read(signal) {
      for (const one of taken) {
        try {
          yield* takenSections(one, signal);
        } catch (error) {
          if (!(error instanceof UnsoundScript)) throw error;
          throw new StowageError('adopt/unsound', `${one.file}: ${error.message}`, {
            where: { content },
          });
        }
      }
    },
  };
}

/** An older dump of a chain also has older rows of tables that have changed since. */
async function* takenSections({ dump, sections }: TakenDump, signal: AbortSignal) {
  const left = new Set(sections.map(tableKey));
  if (left.size === 0) return;
  const columns = new Map(sections.map((section) => [tableKey(section), section.columns]));
  for await (const section of dataSections(textOf(dump, signal))) {
    const key = tableKey(section);
    if (!left.delete(key)) for await (const _ of section.rows);
    else yield { ...section, columns: columns.get(key) ?? section.columns };
    if (left.size === 0) return;
  }
}

/** Roots and middle levels of partitioned tables hold no rows, and are not loaded. */
function partitionsIn(objects: readonly ScriptObject[], decode: (bytes: string) => string) {
  const roots = new Map<string, { schema: string; name: string }>();
  const empty = new Set<string>();
  for (const { kind, schema: within, tag, statements } of objects) {
    if (kind !== 'TABLE') continue;
    const made = partitionsOf(statements[0] ?? '');
    if (made === undefined) continue;
    const schema = decode(within);
    const root = { schema, name: decode(tag) };
    empty.add(tableKey(root));
    for (const name of made.middles) empty.add(tableKey({ schema, name: decode(name) }));
    for (const name of made.leaves) roots.set(tableKey({ schema, name: decode(name) }), root);
  }
  return { roots, empty };
}

function sequencesText(
  sequences: readonly SequenceValue[],
  decode: (bytes: string) => string,
): Buffer {
  const lines = sequences.map(
    (value) =>
      `${sequenceStatement({ ...value, schema: decode(value.schema), name: decode(value.name) })}\n`,
  );
  return Buffer.from(lines.join(''));
}

/** Lines of the head that are for psql or only for gp_dump. */
const HEAD = [/^\\connect [^\n]*\n/m, /^SET escape_string_warning = 'off';\n/m];

/** Globals are absent with `gpcrondump` without `-G`. */
async function globalsFile({ globals }: GpcrondumpSet): Promise<GlobalsFile> {
  if (globals === undefined) return { files: [], leftOut: [] };
  return globalsOfScript(
    HEAD.reduce((rest, line) => rest.replace(line, ''), globals.toString('latin1')),
  );
}

/** What a new database gets from the set: its owner. */
function databaseObject({ creation, master }: GpcrondumpSet): ScriptObject[] {
  const text = creation?.toString('latin1').match(/^CREATE DATABASE .*;$/m)?.[0];
  if (text === undefined) return [];
  const owner = / OWNER = ("(?:[^"]|"")+"|[^" ;]+)/.exec(text)?.[1];
  const tag = Buffer.from(master.database).toString('latin1');
  return [
    {
      tag,
      kind: 'DATABASE',
      schema: '',
      owner: owner === undefined ? '' : unquoted(owner),
      tablespace: '',
      oids: false,
      section: 'pre-data',
      statements: [text],
      owned: undefined,
    },
  ];
}
