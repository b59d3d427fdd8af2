import { PassThrough } from 'node:stream';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import type { ClusterCommand, Flags } from '../../../cli/command.ts';
import { Config } from '../../../cli/config/schema.ts';
import { newOutput } from '../../../cli/output/output.ts';
import type { Deps } from '../../../functions/deps.ts';
import { openStore } from '../../../storage/open.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { backUp } from '../retention/world.ts';

/** Three complete sets of one database, oldest first. */
export const SETS = ['20260131010203', '20260201010203', '20260202010203'] as const;
export const [OLDEST, MIDDLE, NEWEST] = SETS;

export interface World {
  readonly strict: StrictS3;
  readonly deps: Deps;
  /** The texts that were logged as warnings or errors. */
  readonly logged: string[];
  /** HEAD and GET of this object get HTTP 403 from now on; listings have it. */
  withhold(...keys: readonly string[]): void;
  /** Replaces the bytes of an object. */
  plant(key: string, bytes: string | Buffer): void;
  /** Runs a command against the root, and gives its text and its --json. */
  run(command: ClusterCommand, flags?: Flags, positional?: readonly string[]): Promise<Ran>;
}

export interface Ran {
  readonly code: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A root on an S3 server, with these complete sets. Stopped after the test. */
export async function world(sets: readonly string[] = SETS): Promise<World> {
  process.env['AWS_ACCESS_KEY_ID'] = 'any';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'secret';
  const strict = await startStrictS3();
  const root = `${strict.root}/root`;
  const s3 = { endpoint: strict.endpoint, attemptsMax: 1 };
  const store = await openStore({ root, s3 });
  onTestFinished(async () => {
    await store.close();
    await strict.stop();
  });
  const logged: string[] = [];
  const write = (line: string) => {
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    if (level >= 40) logged.push(msg);
  };
  const log = pino({ level: 'info' }, { write });
  const deps: Deps = { store, clock: () => new Date(), log };
  for (const timestamp of sets) await backUp(deps, timestamp);
  return {
    strict,
    deps,
    logged,
    withhold(...keys) {
      strict.rules.withheld = (asked) => keys.some((key) => asked.endsWith(key));
    },
    plant(key, bytes) {
      const place = `strict/root/${key}`;
      const body = Buffer.from(bytes);
      const etag = `planted${body.length}`;
      const known = { modifiedAt: new Date(), metadata: {}, crc32: undefined };
      strict.objects.set(place, { ...known, ...strict.objects.get(place), body, etag });
    },
    async run(command, flags = {}, positional = []) {
      const storage = { endpoint: strict.endpoint, attemptsMax: 1 };
      const segments = [{ content: 0, host: 'a' }];
      const retention = { keepLast: 1, graceHours: 0 };
      const values = { root, database: 'places', storage, segments, retention };
      const config = Config.parse(values);
      const both = await Promise.all([false, true].map((json) => once(json)));
      async function once(json: boolean) {
        const [out, err] = [new PassThrough(), new PassThrough()];
        const env = { COLUMNS: '200' };
        const clock = () => new Date();
        const code = await command.run({
          flags,
          positional,
          context: {
            ...{ env, clock, config, sources: new Map(), signal: new AbortController().signal },
            log: pino({ level: 'silent' }),
            output: newOutput({ out, err }, json, clock, () => undefined, env),
          },
        });
        return { code, text: String(out.read()) };
      }
      const [plain, json] = both;
      const text = plain?.text ?? '';
      const value = JSON.parse(json?.text ?? '{}') as Ran['json'];
      return { code: plain?.code ?? -1, text, json: value };
    },
  };
}
