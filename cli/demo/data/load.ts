import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asStowageError } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import { startTool } from '../../../database/tools/process.ts';
import { countries, placesForShard, regionsForShard } from './places.ts';
import { demoRows, demoRules, demoTables } from './schema.ts';

/**
 * Fills the empty database of one shard with the demo's data, in one psql session and one
 * transaction; a few seconds.
 * @throws StowageError `database/tool` with psql's message when it fails; the transaction is then
 * rolled back.
 */
export async function loadDemo(
  target: ConnectionTarget,
  shard: {
    readonly content: number;
    readonly shards: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const args = [
    '--no-psqlrc',
    '--quiet',
    '--set=ON_ERROR_STOP=1',
    '--single-transaction',
    '--file=-',
  ];
  const psql = await startTool(target, 'psql', { args, signal: shard.signal });
  psql.stdout.resume();
  // When psql ends early the pipe breaks, too; `done` has the cause.
  const fed = pipeline(Readable.from(script(shard.content, shard.shards)), psql.stdin).then(
    () => undefined,
    (error: unknown) => asStowageError(error),
  );
  await psql.done;
  const failure = await fed;
  if (failure !== undefined) throw failure;
}

async function* script(content: number, shards: number): AsyncIterable<string | Buffer> {
  yield demoTables();
  yield* copy('world.country', countries());
  yield* copy('world.region', regionsForShard(content, shards));
  yield* copy(
    'world.place (id, class, name, country, region, feature, population, longitude, latitude, names, municipality)',
    placesForShard(content, shards),
  );
  yield demoRows(content);
  yield demoRules();
}

async function* copy(into: string, rows: AsyncIterable<Buffer>): AsyncIterable<string | Buffer> {
  yield `COPY ${into} FROM STDIN;\n`;
  yield* rows;
  yield '\\.\n';
}
