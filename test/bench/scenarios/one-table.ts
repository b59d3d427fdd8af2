import type { TestServer } from '../../support/servers/postgres.ts';
import { type Contender, runInTurns, runOnce } from '../contenders/contenders.ts';
import { curl, intoNewDatabase, storePublic } from '../contenders/restore.ts';
import {
  newRoot,
  RESTORED,
  restoreSet,
  type StoredSet,
  stowage,
  timestampIn,
} from '../contenders/stowage.ts';
import { createTable, fillTable, SHAPES } from '../measure/rows.ts';
import { neededFor } from '../report/manifests.ts';
import { type Bar, mediansOf, type Row } from '../report/result.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { DATABASE, makeTables, withServer } from '../setup/servers.ts';
import { environment, shell } from '../setup/shell.ts';

const SMALL = 'wanted';
const NAMES = {
  backup: 'stowage backup of the whole set, 4 workers',
  unverified: 'stowage restore of the table, --no-verify',
  verified: 'stowage restore of the table',
  gzip: 'curl | gzip -dc | tail | head | psql, from one stream of the set',
} as const;

export const oneTable: Scenario = {
  name: 'one-table',
  about: 'restore of one table of 1 MB from a large set',
  gigabytes: 10,
  rounds: 2,
  async run(bench, { gigabytes, rounds }) {
    return withServer(bench, true, async (server) => {
      await makeTables(bench, server, ['lineitem'], SHAPES.lineitem, gigabytes * 1e9);
      await server.psql(createTable(SMALL, SHAPES.lineitem), DATABASE);
      await server.psql(fillTable(SMALL, SHAPES.lineitem, 1e6), DATABASE);
      const root = newRoot();
      const backedUp = await runOnce(
        bench,
        [server],
        {
          name: NAMES.backup,
          needs: [],
          run: () => stowage(bench, [server], root, 'backup', '--workers', '4'),
        },
        1,
      );
      const set = { root, timestamp: timestampIn(backedUp) };
      const needed = await neededFor(bench, set, SMALL);
      const stream = await storeStream(bench, server, gigabytes);
      const restores = contenders(bench, server, set, stream);
      const { rows, notes } = await runInTurns(bench, [server], restores, rounds);
      const withNeeds = rows.map((row) => ({ ...row, facts: { ...row.facts, ...needed } }));
      return {
        name: this.name,
        title: `${this.about}, which also holds a lineitem table of ${gigabytes} GB. A backup of the whole set runs first`,
        bytes: 0,
        floor: NAMES.gzip,
        rows: [backedUp, ...withNeeds],
        bars: barsOf([backedUp, ...withNeeds]),
        notes: [
          `The extents of the table have ${needed.extentBytes} bytes, the manifest and its part ${needed.manifestBytes}.`,
          'The table is in the middle of the one gzip stream: everything before it must be read and decompressed.',
          ...notes,
        ],
      };
    });
  },
};

/** The position of the table in the decompressed stream, in bytes. */
interface Place {
  readonly before: number;
  readonly bytes: number;
}

const PIECES = 10;

/**
 * Stores the data of all tables as one gzip stream. A tenth of the large table is compressed once
 * and written ten times.
 */
async function storeStream(bench: Bench, server: TestServer, gigabytes: number): Promise<Place> {
  bench.log('writing the one gzip stream');
  const rows = Math.ceil((gigabytes * 1e9) / SHAPES.lineitem.rowBytes / PIECES);
  const env = environment(bench, server);
  const copy = (query: string, name: string) =>
    shell(
      env,
      `cd ${bench.home}; psql -X -q -c 'COPY ${query} TO STDOUT' | tee >(gzip -1 > ${name}.gz) | wc -c; wait`,
    ).then(Number);
  const piece = await copy(`(SELECT * FROM lineitem LIMIT ${rows})`, 'piece');
  const bytes = await copy(SMALL, 'small');
  const half = Array<string>(PIECES / 2)
    .fill('piece.gz')
    .join(' ');
  await shell(
    env,
    `cd ${bench.home}; cat ${half} small.gz ${half} | ${storePublic('all.gz')}; rm piece.gz small.gz`,
  );
  return { before: (piece * PIECES) / 2, bytes };
}

function contenders(
  bench: Bench,
  server: TestServer,
  set: StoredSet,
  { before, bytes }: Place,
): Contender[] {
  const into = intoNewDatabase(bench, { server, tables: [SMALL] });
  const ours = (name: string, ...flags: string[]) =>
    into({
      name,
      needs: [],
      isEmpty: true,
      run: () => restoreSet(bench, server, set, '--include-table', `public.${SMALL}`, ...flags),
    });
  return [
    ours(NAMES.unverified, '--no-verify'),
    ours(NAMES.verified),
    into({
      name: NAMES.gzip,
      needs: ['curl', 'gzip', 'rclone'],
      // head closes the pipe when it has its bytes. That is not a failure: the rows are counted.
      run: async () => {
        await shell(
          environment(bench, server, RESTORED),
          `set +o pipefail; ${curl(bench, 'all.gz')} 2>/dev/null | gzip -dc 2>/dev/null | tail -c +${before + 1} | head -c ${bytes} | psql -X -q -c 'COPY ${SMALL} FROM STDIN'`,
        );
        return {};
      },
    }),
  ];
}

function barsOf(rows: readonly Row[]): Bar[] {
  const medians = mediansOf(rows);
  const backup = medians.find(({ contender }) => contender === NAMES.backup);
  const delay = backup?.facts['eventLoopDelayP99Ms'];
  const restores = [NAMES.unverified, NAMES.verified].flatMap((name): Bar[] => {
    const own = rows.find(({ contender }) => contender === name);
    const { extentBytes = 0, manifestBytes = 0 } = own?.facts ?? {};
    const read = own?.store;
    return [
      {
        what: `${name}: bytes read from packs, relative to the extents of the table`,
        atMost: 1.05,
        unit: '×',
        measured: read && (read.bytesOutOf['pack'] ?? 0) / extentBytes,
      },
      {
        what: `${name}: all bytes read, relative to 1.05 × extents + manifest`,
        atMost: 1,
        unit: '×',
        measured: read && read.bytesOut / (1.05 * extentBytes + manifestBytes),
      },
      {
        what: `${name}: wall time`,
        atMost: 2,
        unit: 's',
        measured: medians.find(({ contender }) => contender === name)?.wallSeconds,
      },
    ];
  });
  return [
    ...restores,
    {
      what: 'peak memory of a shipper, 4 workers',
      atMost: 256,
      unit: 'MiB',
      measured: backup && backup.shipperPeakBytes / 1024 ** 2,
    },
    { what: 'event loop delay of a shipper, p99', atMost: 50, unit: 'ms', measured: delay },
  ];
}
