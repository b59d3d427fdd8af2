import { StowageError } from '../../../backup-set/base/errors.ts';
import { sequenceStatement } from '../../../database/catalog/sequences.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { withDependencies } from '../archive/dependencies.ts';
import { globalsOf } from '../archive/globals.ts';
import { writeArchive } from '../archive/write-archive.ts';
import {
  type AdoptedSource,
  type CountedRelation,
  type SourceContent,
  tableKey,
} from '../convert/source.ts';
import { unquoted } from '../script/copy-statement.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { TakenRows } from './judge-rows.ts';
import type { GpbackupSet } from './read-set.ts';
import { rowsOfContent } from './rows/read-rows.ts';

const LEVEL = 9;
/** From this version on, a cluster of as many segments distributes rows as the source did. */
const SAME_HASH_MAJOR = 6;

/** A judged set of gpbackup as a source of rows. */
export async function asSource(set: GpbackupSet): Promise<AdoptedSource> {
  const { own, definitions, tables, segments, problems } = set;
  const { config, timestamp, place, options } = own;
  const database = unquoted(config.databasename);
  const version = /^\d+(?:\.\d+)*/.exec(config.databaseversion)?.[0] ?? config.databaseversion;
  const major = Number.parseInt(version, 10);
  const { encoding, objects } = definitions;
  const globals = await globalsOf(definitions.globals);
  const leftOut = [
    ...globals.leftOut,
    ...definitions.lostProperties.map((name) => ({ kind: 'database', name })),
    ...(config.withstatistics
      ? [{ kind: 'statistics', name: 'of tables (a restore runs ANALYZE)' }]
      : []),
  ];
  const schema = writeArchive(
    { database, encoding, standardStrings: true, version: SERVER_VERSIONS[major] ?? '9.4.26' },
    withDependencies(objects),
  );
  const sequences = definitions.sequences.map((value) => `${sequenceStatement(value)}\n`).join('');
  const hasOtherHash = (table: TakenRows) => !(major >= SAME_HASH_MAJOR) || table.distByEnum;
  const keysOf = (some: readonly TakenRows[]) => new Set(some.map(tableKey));
  return {
    timestamp,
    database,
    source: {
      tool: 'gpbackup',
      version: String(version.split('.')[0]),
      timestamp,
      place,
      options,
      counted: 'source',
      ...(leftOut.length > 0 && { leftOut }),
    },
    serverVersion: version,
    encoding,
    coordinator: UNKNOWN_SERVER,
    metadata: [
      ...globals.files,
      { file: 'schema.dump', bytes: schema },
      { file: 'sequences.sql.zst', bytes: await zstd.encode(Buffer.from(sequences), LEVEL) },
    ],
    contents: Array.from({ length: segments }, (_, content) => contentOf(set, content)),
    partitionRoots: new Map(
      tables.flatMap((table) =>
        table.partitionRoot === undefined
          ? []
          : [[tableKey(table), { schema: table.schema, name: table.partitionRoot }] as const],
      ),
    ),
    replicated: keysOf(tables.filter(({ isReplicated }) => isReplicated)),
    redistributed: keysOf(tables.filter(hasOtherHash)),
    failures: problems.map(({ file, content, message }) => ({
      content,
      message: `${file}: ${message}`,
    })),
  };
}

/** The files of gpbackup do not name the servers. */
const UNKNOWN_SERVER = { host: 'unknown', port: 0 };
/** Of PostgreSQL in each Greenplum: programs read it in an archive. */
const SERVER_VERSIONS: Readonly<Record<number, string>> = {
  4: '8.2.15',
  5: '8.3.23',
  6: '9.4.26',
  7: '12.12',
};

function contentOf(set: GpbackupSet, content: number): SourceContent {
  const counted = set.counted[content];
  const shipped = set.tables.filter(
    (table, at) =>
      counted?.has(table) === true && (!table.isReplicated || at % set.segments === content),
  );
  const relations = shipped.map((table): CountedRelation => {
    const { rows, bytes, crc } = counted?.get(table) ?? { rows: 0, bytes: 0, crc: 0 };
    return { schema: table.schema, name: table.name, columns: table.columns, rows, bytes, crc };
  });
  return {
    content,
    ...UNKNOWN_SERVER,
    relations,
    async *read(signal) {
      const failed = (file: string, { message }: Error) =>
        new StowageError('adopt/unsound', `${file}: ${message}`, { where: { content } });
      const fail = (file: string, _: unknown, error: Error): never => {
        throw failed(file, error);
      };
      for await (const { table, file, rows } of rowsOfContent(content, shipped, fail, signal)) {
        const { schema, name, columns } = table;
        yield { schema, name, columns, rows: orFailing(rows, (error) => failed(file, error)) };
      }
    },
  };
}

async function* orFailing(
  rows: AsyncIterable<Buffer>,
  failed: (error: Error) => StowageError,
): AsyncGenerator<Buffer> {
  try {
    yield* rows;
  } catch (error) {
    throw error instanceof UnsoundScript ? failed(error) : error;
  }
}
