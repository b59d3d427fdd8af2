import type { TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';
import { rotated, runOnce } from '../contenders/contenders.ts';
import { INCREMENTAL, type Nightly, nightlyContenders } from '../contenders/incremental.ts';
import { SHAPES } from '../measure/rows.ts';
import { type Bar, mediansOf, type Row, type ScenarioResult } from '../report/result.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { CHANGES, type Change } from '../setup/changes.ts';
import { DATABASE, fill, withServer } from '../setup/servers.ts';

const TABLES = 40;
const WORKERS = 2;

/** One result for each kind of change between two backups. */
export const incremental: Scenario = incrementalScenario({
  name: 'incremental',
  about: 'backups of 40 tables after changes, on the PostgreSQL of this machine',
  server: () => Promise.resolve({ hasSummaries: false }),
});

export const incrementalSummaries: Scenario = incrementalScenario({
  name: 'incremental-17',
  about: 'backups of 40 tables after changes, on PostgreSQL 17 with WAL summaries',
  async server() {
    const binDir = await postgres17();
    if (binDir === undefined) throw new Error('PostgreSQL 17 is not installed: npm run setup');
    return { hasSummaries: true, binDir };
  },
});

interface Spec {
  readonly name: string;
  readonly about: string;
  server(): Promise<{ readonly hasSummaries: boolean; readonly binDir?: string }>;
}

function incrementalScenario({ name, about, server: choose }: Spec): Scenario {
  return {
    name,
    about,
    gigabytes: 10,
    rounds: 2,
    async run(bench, { gigabytes, rounds }) {
      const { hasSummaries, binDir } = await choose();
      const settings = hasSummaries ? { summarize_wal: 'on', fsync: 'on' } : {};
      const options = { settings, ...(binDir !== undefined && { binDir }) };
      return withServer(
        bench,
        false,
        async (server) => {
          const tables = Array.from({ length: TABLES }, (_, at) => `lineitem_${at}`);
          const each = (gigabytes * 1e9) / TABLES;
          const { bytes } = await fill(bench, server, tables, SHAPES.lineitem, each);
          const contenders = nightlyContenders(bench, server, WORKERS, hasSummaries);
          const able = contenders.filter(({ needs }) => bench.tools.has(needs));
          for (const contender of able) {
            bench.log(`first backup: ${contender.name}`);
            await contender.begin();
          }
          const results: ScenarioResult[] = [];
          for (const change of CHANGES) {
            const rows = await runAfter(bench, server, { tables, change, able, rounds });
            results.push(resultOf(`${name}: ${change.name}`, { about, bytes, rows, hasSummaries }));
          }
          return results;
        },
        options,
      );
    },
  };
}

interface Night {
  readonly tables: readonly string[];
  readonly change: Change;
  readonly able: readonly Nightly[];
  readonly rounds: number;
}

/** Every round makes the change once, and then runs every contender once. */
async function runAfter(
  bench: Bench,
  server: TestServer,
  { tables, change, able, rounds }: Night,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const sql of change.sql(tables, round)) await server.psql(sql, DATABASE);
    for (const contender of rotated(able, round - 1)) {
      const row = await runOnce(bench, [server], contender, round);
      bench.log(
        `${change.name}: ${contender.name}: ${row.wallSeconds.toFixed(1)} s, CPU of database ${row.databaseSeconds.toFixed(2)}, client ${row.clientSeconds.toFixed(2)}`,
      );
      rows.push(row);
    }
  }
  const order = able.map(({ name }) => name);
  return rows.toSorted((a, b) => order.indexOf(a.contender) - order.indexOf(b.contender));
}

interface Measured {
  readonly about: string;
  readonly bytes: number;
  readonly rows: readonly Row[];
  readonly hasSummaries: boolean;
}

function resultOf(name: string, { about, bytes, rows, hasSummaries }: Measured): ScenarioResult {
  return {
    name,
    title: `${about}: ${(bytes / 1e9).toFixed(2)} GB of COPY text`,
    bytes,
    floor: INCREMENTAL.full,
    rows,
    bars: barsOf(name, rows, hasSummaries),
    notes: [
      'restic and pgBackRest write to a local disk and upload nothing. pgBackRest copies files, and cannot restore one table.',
    ],
  };
}

/** The limits that issue and design name, for the cases that have one. */
function barsOf(name: string, rows: readonly Row[], hasSummaries: boolean): Bar[] {
  const isUnchanged = name.endsWith('nothing');
  const isOneTable = name.endsWith('one table, side by side');
  const ours = hasSummaries ? INCREMENTAL.witness : INCREMENTAL.content;
  const bar = (field: 'databaseSeconds' | 'clientSeconds' | 'storedBytes', atMost: number) => ({
    what: `${ours}: ${LABELS[field]}, relative to a full backup`,
    atMost,
    unit: '×' as const,
    measured: quotient(rows, ours, field),
  });
  if (hasSummaries && isUnchanged) return [bar('databaseSeconds', 0.01), bar('storedBytes', 0.001)];
  if (hasSummaries && isOneTable) return [bar('databaseSeconds', 0.05)];
  return hasSummaries || !isUnchanged ? [] : [bar('clientSeconds', 0.35)];
}

const LABELS = {
  databaseSeconds: 'CPU of the database',
  clientSeconds: 'CPU of the client',
  storedBytes: 'uploaded bytes',
} as const;

function quotient(
  rows: readonly Row[],
  contender: string,
  field: keyof typeof LABELS,
): number | undefined {
  const of = (name: string) => mediansOf(rows).find((one) => one.contender === name)?.[field];
  const [mine, full] = [of(contender), of(INCREMENTAL.full)];
  return mine === undefined || full === undefined || full === 0 ? undefined : mine / full;
}
