import { messageOf } from '../../../backup-set/base/errors.ts';
import type { BackupResult } from '../../backup/coordinate.ts';
import { type StoredStream, sealStream, storeStream } from '../convert/adopt-stream.ts';
import { asSource, globalsFile, type SourceSettings } from './as-source.ts';
import type { DatabaseDump, Dump, DumpFacts } from './dump.ts';
import { inputOfStdin } from './input.ts';
import type { JudgedDatabase } from './judge.ts';
import {
  databasesWanted,
  groupOf,
  isUnused,
  refuseExisting,
  secondsBehind,
  timestampOfDump,
} from './names.ts';
import { openDump } from './open-dump.ts';
import type { PgDumpRun } from './run.ts';

interface Stored {
  readonly judged: JudgedDatabase;
  readonly stream: StoredStream;
}

/**
 * Standard input is there once: rows are stored while they are judged. What is not sound makes the
 * set incomplete, because its rows are stored already.
 */
export async function adoptStdin(run: PgDumpRun): Promise<BackupResult[]> {
  const { context, flags, store, waitMs, distribution } = run;
  const input = inputOfStdin(process.stdin, context.signal);
  const dump = await openDump(input);
  const timestamp = timestampOfDump(flags, dump.createdAt);
  const stored: Stored[] = [];
  const problems: string[] = [];
  try {
    for await (const database of dump.databases()) {
      const own = secondsBehind(timestamp, stored.length);
      await refuseExisting(store, [{ timestamp: own }]);
      const one = await storeDatabase(run, own, database);
      const [failure] = one.stream.failures;
      const isEmpty = isUnused(one.judged.facts.database ?? '', one.judged);
      if (dump.tool === 'pg_dump' || !isEmpty) stored.push(one);
      // No set has this failure, and databases may follow that were not read.
      else if (failure !== undefined) throw failure.error;
      if (failure !== undefined) break;
    }
  } catch (error) {
    if (stored.length === 0) throw error;
    problems.push(`${input.name}: ${messageOf(error)}`);
  }
  const { tool, createdAt } = dump;
  const databases = stored.map(({ judged }) => judged);
  const wanted = databasesWanted({ tool, databases }, timestamp, context.config.database);
  const group = groupOf(tool, wanted);
  // The rows are stored: what cannot be taken makes the sets incomplete.
  const globals = await globalsIn(dump, problems);
  try {
    distribution?.judge(databases.map(({ facts }) => facts));
  } catch (error) {
    problems.push(messageOf(error));
  }
  const settings: SourceSettings = { ...run, tool, createdAt, globals, group };
  const results: BackupResult[] = [];
  for (const one of wanted) {
    const { judged, stream } = stored[one.index] ?? {};
    if (judged === undefined || stream === undefined) continue;
    const reader = { parts: noParts, problems };
    const source = await asSource(judged, one, settings, reader);
    results.push(await sealStream(context, store, source, stream, waitMs));
  }
  return results;
}

async function globalsIn(dump: Dump, problems: string[]): Promise<Buffer | undefined> {
  const globals = dump.globals();
  if (globals === undefined) return undefined;
  try {
    await globalsFile(globals);
    return globals;
  } catch (error) {
    problems.push(messageOf(error));
    return undefined;
  }
}

async function* noParts(): AsyncGenerator<never> {}

/** They are not in the archive of large objects, which was stored before they were read. */
function withLateRights(facts: DumpFacts): DumpFacts {
  const late = (facts.lateRights ?? []).map((name) => ({ kind: 'rights', name }));
  return { ...facts, leftOut: [...facts.leftOut, ...late] };
}

async function storeDatabase(
  { context, store, distribution }: PgDumpRun,
  timestamp: string,
  database: DatabaseDump,
): Promise<Stored> {
  const definitions = distribution === undefined ? 0 : -1;
  let hasLargeObjects = false;
  async function* read() {
    for await (const part of database.parts()) {
      hasLargeObjects ||= 'file' in part;
      yield part;
    }
  }
  const contents = [{ content: 0, read }];
  const stream = await storeStream(context, store, timestamp, { contents, definitions });
  const relations = stream.counted.get(0) ?? [];
  return {
    judged: { facts: withLateRights(database.facts()), relations, lacking: [], hasLargeObjects },
    stream,
  };
}
