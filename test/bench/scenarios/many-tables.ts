import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eachInFlight } from '../../../async/each-in-flight.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import { type Contender, runInTurns } from '../contenders/contenders.ts';
import { newRoot, stowage } from '../contenders/stowage.ts';
import { smallTables } from '../measure/rows.ts';
import { type Bar, mediansOf, type Row } from '../report/result.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { DATABASE, startServers } from '../setup/servers.ts';
import { environment, quoted, shell } from '../setup/shell.ts';

const NAMES = {
  stowage: 'stowage backup, all nodes',
  pgDump: 'pg_dump -Fd -j2 of each node, all at once, to a local disk',
} as const;

export const manyTables: Scenario = {
  name: 'many-tables',
  about: 'backup of many tables of ten rows on several nodes',
  gigabytes: 0,
  rounds: 2,
  async run(bench, { rounds }) {
    const { nodes, tables } = bench.options;
    const servers = await startServers(bench, nodes);
    try {
      await bench.store.ready(false);
      bench.log(`creating ${tables} tables on each of ${nodes} nodes`);
      await eachInFlight(servers, 2, fillNode(tables));
      const { rows, notes } = await runInTurns(bench, servers, contenders(bench, servers), rounds);
      return {
        name: this.name,
        title: `backup of ${tables} tables of ten rows with a primary key on each of ${nodes} nodes`,
        bytes: 0,
        floor: NAMES.pgDump,
        rows,
        bars: barsOf(rows),
        notes: [
          requestsOf(rows),
          'pg_dump uploads nothing. An upload would add one object per table.',
          ...notes,
        ],
      };
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  },
};

function fillNode(tables: number) {
  return async (server: TestServer, index: number) => {
    for (const script of smallTables(tables, index)) await server.psql(script, DATABASE);
    await server.psql('VACUUM (FREEZE)', DATABASE);
  };
}

function contenders(bench: Bench, servers: readonly TestServer[]): Contender[] {
  const folder = join(bench.home, 'dumps');
  return [
    {
      name: NAMES.stowage,
      needs: [],
      run: () => stowage(bench, servers, newRoot(), 'backup'),
      clean: () => bench.store.ready(false),
    },
    {
      name: NAMES.pgDump,
      needs: [],
      async run() {
        await shell(environment(bench), `mkdir ${quoted(folder)}`);
        await eachInFlight(servers, servers.length, (server) =>
          shell(
            environment(bench, server),
            `pg_dump -Fd -j 2 -Z1 -f ${quoted(join(folder, String(server.port)))}`,
          ),
        );
        return {};
      },
      clean: () => rm(folder, { recursive: true, force: true }),
    },
  ];
}

function barsOf(rows: readonly Row[]): Bar[] {
  const ours = rows.filter(({ contender }) => contender === NAMES.stowage);
  return [
    { what: 'wall time', atMost: 60, unit: 's', measured: mediansOf(ours)[0]?.wallSeconds },
    {
      what: 'storage requests of the node with the most requests',
      atMost: 200,
      unit: 'requests',
      measured: ours[0]?.store && Math.max(...perNode(ours[0]).map(({ count }) => count)),
    },
  ];
}

/** Requests of each node, by kind. The sink reads the node from the content id in the key. */
function perNode({ store }: Row): { node: string; count: number; kinds: Record<string, number> }[] {
  return Object.entries(store?.requestsOf ?? {})
    .filter(([node]) => node !== 'shared')
    .map(([node, kinds]) => ({
      node,
      kinds,
      count: Object.values(kinds).reduce((sum, count) => sum + count, 0),
    }));
}

function requestsOf(rows: readonly Row[]): string {
  const ours = rows.find(
    ({ contender, store }) => contender === NAMES.stowage && store !== undefined,
  );
  if (ours === undefined) return 'Only the sink counts requests.';
  const words = (kinds: Record<string, number>) =>
    Object.entries(kinds)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ');
  const nodes = perNode(ours).map(
    ({ node, kinds, count }) => `node ${node}: ${count} (${words(kinds)})`,
  );
  return `Storage requests of one backup: ${nodes.join('; ')}; for the whole set: ${words(ours.store?.requestsOf['shared'] ?? {})}.`;
}
