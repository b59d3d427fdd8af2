import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import type { SequenceValue } from '../../../database/catalog/sequences.ts';
import { sequenceStatement } from '../../../database/catalog/sequences.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { withDependencies } from '../archive/dependencies.ts';
import { partitionsOf } from '../archive/partitions.ts';
import type { ScriptObject } from '../archive/script-objects.ts';
import { writeArchive } from '../archive/write-archive.ts';
import type { AdoptedSource, SourceContent } from '../convert/source.ts';
import { unquoted } from '../script/copy-statement.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { ResolvedSet, TakenDump } from './chain.ts';
import { dataSections, nameDecoder } from './data-sections.ts';
import { openDump } from './open-file.ts';
import type { GpcrondumpSet, SegmentDump } from './read-set.ts';
import { tableKey } from './rules.ts';

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
  for await (const section of dataSections(openDump(dump, signal))) {
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

/** What no set of ours has, and what Greenplum 6 no longer knows, in an ALTER ROLE. */
const NOT_TAKEN = [
  ['password', /^(ALTER ROLE (.+?) WITH .*?) PASSWORD '(?:[^'\\]|'')*'/gm],
  ['gphdfs right', /^(ALTER ROLE (.+?) WITH .*?) CREATEEXTTABLE \(protocol='gphdfs'[^)]*\)/gm],
] as const;

/**
 * The globals of the set without passwords, which no set of ours has. Globals that a restore would
 * refuse are not stored; why does not name their text, which may hold a secret.
 */
async function globalsFile({ globals }: GpcrondumpSet) {
  if (globals === undefined) return { files: [], leftOut: [] };
  const leftOut = new Map<string, { kind: string; name: string }>();
  const whole = HEAD.reduce((rest, line) => rest.replace(line, ''), globals.toString('latin1'));
  let text = whole;
  for (const [kind, pattern] of NOT_TAKEN)
    for (let before = ''; before !== text; ) {
      before = text;
      text = text.replace(pattern, (_, kept: string, role: string) => {
        leftOut.set(JSON.stringify([kind, role]), { kind, name: unquoted(role) });
        return kept;
      });
    }
  const bytes = Buffer.from(text, 'latin1');
  try {
    for (const _ of globalStatements(bytes, 'gp_global'));
  } catch (error) {
    const line = /^line \d+/.exec(messageOf(error))?.[0] ?? 'a line';
    const name = `${line} is not a statement that pg_dumpall --globals-only writes`;
    return { files: [], leftOut: [{ kind: 'globals', name }] };
  }
  const file = { file: 'globals.sql.zst' as const, bytes: await zstd.encode(bytes, LEVEL) };
  return { files: [file], leftOut: [...leftOut.values()] };
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
