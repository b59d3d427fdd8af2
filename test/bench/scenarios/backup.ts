import { BACKUP, backupContenders } from '../contenders/backup.ts';
import { runInTurns } from '../contenders/contenders.ts';
import { SHAPES, type Shape } from '../measure/rows.ts';
import { type Bar, type Row, ratioOf } from '../report/result.ts';
import type { Scenario } from '../scenario.ts';
import { fill, withServer } from '../setup/servers.ts';

interface BackupSpec {
  readonly name: string;
  readonly about: string;
  readonly shape: Shape;
  readonly tables: readonly string[];
  readonly gigabytes: number;
  readonly rounds: number;
}

export const backup = backupScenario({
  name: 'backup',
  about: 'backup of one lineitem table in one stream',
  shape: SHAPES.lineitem,
  tables: ['lineitem'],
  gigabytes: 2,
  rounds: 3,
});

export const backupNarrow = backupScenario({
  name: 'backup-narrow',
  about: 'backup of one table with rows of 20 bytes in one stream',
  shape: SHAPES.narrow,
  tables: ['narrow'],
  gigabytes: 0.5,
  rounds: 2,
});

export const backupWide = backupScenario({
  name: 'backup-wide',
  about: 'backup of one table with rows of 2 KB in one stream',
  shape: SHAPES.wide,
  tables: ['wide'],
  gigabytes: 1,
  rounds: 2,
});

export const twoTables = backupScenario({
  name: 'two-tables',
  about: 'backup of two lineitem tables at the same time, in two streams on two cores',
  shape: SHAPES.lineitem,
  tables: ['lineitem_1', 'lineitem_2'],
  gigabytes: 2,
  rounds: 2,
});

function backupScenario({ name, about, shape, tables, gigabytes, rounds }: BackupSpec): Scenario {
  return {
    name,
    about,
    gigabytes,
    rounds,
    async run(bench, size) {
      return withServer(bench, false, async (server) => {
        const source = await fill(
          bench,
          server,
          tables,
          shape,
          (size.gigabytes * 1e9) / tables.length,
        );
        const contenders = backupContenders(bench, source, tables.length);
        const { rows, notes } = await runInTurns(bench, [server], contenders, size.rounds);
        return {
          name,
          title: `${about}: ${(source.bytes / 1e9).toFixed(2)} GB of COPY text`,
          bytes: source.bytes,
          floor: BACKUP.floor,
          rows,
          bars: barsOf(name, rows),
          notes,
        };
      });
    },
  };
}

/** Only the scenarios with lineitem tables have bars. */
function barsOf(name: string, rows: readonly Row[]): Bar[] {
  const bar = (peer: string, of: 'totalSeconds' | 'wallSeconds', atMost: number): Bar => ({
    what: `${of === 'totalSeconds' ? 'CPU of database and client' : 'wall time'}, relative to ${peer}`,
    atMost,
    unit: '×',
    measured: ratioOf(rows, BACKUP.stowage, peer, of),
  });
  const wall = bar(BACKUP.zstdProgram, 'wallSeconds', 1);
  if (name === 'two-tables') return [wall];
  if (name !== 'backup') return [];
  return [
    bar(BACKUP.rclone, 'totalSeconds', 0.85),
    bar(BACKUP.aws, 'totalSeconds', 0.65),
    bar(BACKUP.gzipProgram, 'totalSeconds', 0.6),
    bar(BACKUP.zstd, 'totalSeconds', 1.15),
    wall,
  ];
}
