import { chmod, cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedOf, GOLDEN } from '../../golden/made.ts';
import { rowSum } from '../../model/truth.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';

/** Their sets are of PostgreSQL 17, whose archives an older pg_restore cannot read. */
const binDir = await postgres17();
let place: Place;
let servers: TestServer[];

describe.runIf(binDir !== undefined)('a set of version 1 of the format', () => {
  beforeAll(async () => {
    place = await directoryPlace();
    servers = await startCluster(2, binDir === undefined ? {} : { binDir });
  });
  afterAll(async () => {
    await stopAll(servers);
    await place?.stop();
  });

  test.each(['v1-shards', 'v1-encrypted'])(
    '(%s) is restored with all of its rows',
    async (name) => {
      const root = place.newRoot();
      await cp(join(GOLDEN, name, 'root'), fileURLToPath(root), { recursive: true });
      const isEncrypted = (await readdir(join(GOLDEN, name))).includes('identity.txt');
      const identityFile = join(place.folder, `${name}.txt`);
      if (isEncrypted) {
        await cp(join(GOLDEN, name, 'identity.txt'), identityFile);
        await chmod(identityFile, 0o600);
      }
      const more = { cluster: 'golden', encryption: isEncrypted ? { identityFile } : undefined };
      const config = await configFor(place, servers, root, more);
      const expected = await expectedOf(name);
      const newest = Object.keys(expected).toSorted().at(-1) ?? '';
      const database = name.replace('-', '_');
      const restored = await stowage(
        ['restore', newest, '--create', '--database', database, '--accept-cluster'],
        { config },
      );
      expect(failureOf(restored)).toBeUndefined();
      for (const [content, tables] of Object.entries(expected[newest] ?? {}))
        for (const [table, wanted] of Object.entries(tables)) {
          const sum = rowSum();
          const text = await servers[Number(content)]?.psql(`COPY ${table} TO STDOUT`, database);
          if (text !== undefined && text !== '') sum.add(Buffer.from(`${text}\n`));
          const { rows, digest } = sum.result();
          expect(`${rows} ${digest}`, `content ${content}: ${table}`).toBe(wanted);
        }
    },
  );
});
