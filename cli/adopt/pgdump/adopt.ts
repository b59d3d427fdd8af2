import { StowageError } from '../../../backup-set/base/errors.ts';
import type { BackupResult } from '../../backup/coordinate.ts';
import type { Invocation } from '../../command.ts';
import type { ClusterContext } from '../../context.ts';
import { secondsFrom } from '../../flags.ts';
import { withStore } from '../../open.ts';
import { printable } from '../../output/format.ts';
import { judge, WAIT_SECONDS, wrongFlag } from '../adopt-set.ts';
import { adoptSource } from '../convert/adopt-source.ts';
import { distributionFrom } from '../distribution/from-flags.ts';
import { withPlaces } from '../files/open-places.ts';
import { printSets } from '../print-sets.ts';
import { UnsoundScript } from '../script/unsound.ts';
import { adoptStdin } from './adopt-stdin.ts';
import { asSource, type SourceSettings } from './as-source.ts';
import { type DumpInput, inputOf, placeOf, STDIN } from './input.ts';
import { type JudgedDump, judgeDump } from './judge.ts';
import { databasesWanted, groupOf, refuseExisting, refuseUnfit, timestampOfDump } from './names.ts';
import { openDump } from './open-dump.ts';
import type { PgDumpRun } from './run.ts';

/** `stowage adopt pg_dump`. */
export async function adoptPgDump({
  flags,
  positional: [, path, another],
  context,
}: Invocation<ClusterContext>): Promise<number> {
  if (path === undefined || another !== undefined)
    throw wrongFlag('places', 'adopt pg_dump takes one file or one directory');
  refuseUnfit(context.config);
  const distribution = await distributionFrom(context.config, flags);
  const waitMs = secondsFrom(flags, 'wait', WAIT_SECONDS) * 1000;
  const run = { context, flags, distribution, waitMs };
  const results = await unsoundNamed(path, () =>
    withStore(context, async (store) => {
      if (path === STDIN) return adoptStdin({ ...run, store, place: 'standard input' });
      const { parent, name } = placeOf(path);
      return withPlaces(context, [parent], async ([files]) => {
        if (files === undefined) throw new Error('no place was opened');
        const input = await inputOf(files, name, context.signal);
        const place = `${files.place.replace(/\/$/, '')}/${name}`;
        return adoptFile({ ...run, store, place }, input);
      });
    }),
  );
  return printSets(context, results);
}

/** @throws StowageError `adopt/unsound` when not even the front of the dump can be read. */
async function unsoundNamed<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    const name = path === STDIN ? 'standard input' : path;
    throw new StowageError('adopt/unsound', printable(`${name} is not sound: ${error.message}`));
  }
}

/** Reads the dump to judge it, then again to store it. */
async function adoptFile(run: PgDumpRun, input: DumpInput): Promise<BackupResult[]> {
  const { context, flags, store, waitMs } = run;
  const dump = await judgedDump(run, input);
  const timestamp = timestampOfDump(flags, dump.createdAt);
  const wanted = databasesWanted(dump, timestamp, context.config.database);
  await refuseExisting(store, wanted);
  const settings: SourceSettings = { ...run, ...dump, group: groupOf(dump.tool, wanted) };
  run.distribution?.judge(dump.databases.map(({ facts }) => facts));
  const problems = dump.problems.map(({ file, message }) => `${file}: ${message}`);
  const ignored = () => {};
  const again = (await openDump(input, problems.length > 0 ? ignored : undefined)).databases();
  const results: BackupResult[] = [];
  for (const [at, judged] of dump.databases.entries()) {
    const next = await again.next();
    const one = wanted.find(({ index }) => index === at);
    if (next.done === true) break;
    if (one === undefined) {
      await drain(next.value.parts());
      continue;
    }
    const reader = { parts: () => next.value.parts(judged.facts), problems };
    const source = await asSource(judged, one, settings, reader);
    results.push(await adoptSource(context, store, source, waitMs));
    if (context.signal.aborted) break;
  }
  return results;
}

async function judgedDump({ context, flags }: PgDumpRun, input: DumpInput): Promise<JudgedDump> {
  const dump = await judgeDump(input);
  const { timestamp = dump.createdAt ?? 'without a timestamp' } = flags;
  const adoption = { tool: dump.tool, timestamp: String(timestamp), flags };
  judge(context, adoption, dump.problems);
  if (dump.databases.length === 0) throw new UnsoundScript('it has no database');
  return dump;
}

async function drain(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const part of parts) {
    const { rows, chunks } = part as {
      rows?: AsyncIterable<Buffer>;
      chunks?: AsyncIterable<Buffer>;
    };
    for await (const _ of rows ?? chunks ?? []);
  }
}
