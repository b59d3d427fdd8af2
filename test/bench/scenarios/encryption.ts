import { testKeys } from '../../support/e2e/encryption.ts';
import { type Contender, runInTurns } from '../contenders/contenders.ts';
import { intoNewDatabase } from '../contenders/restore.ts';
import {
  type BackupPlace,
  newRoot,
  restoreSet,
  type StoredSet,
  stowage,
  timestampIn,
} from '../contenders/stowage.ts';
import { SHAPES } from '../measure/rows.ts';
import { type Bar, mediansOf, type Row, ratioOf } from '../report/result.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { fill, withServer } from '../setup/servers.ts';

const PLAIN = { backup: 'stowage backup', restore: 'stowage restore' } as const;
const ENCRYPTED = {
  backup: 'stowage backup, encrypted',
  restore: 'stowage restore, encrypted',
} as const;
/** Memory of a shipper may not grow: a frame is sealed in pieces of 1 MiB. */
const MEMORY_GROWTH_MAX = 1.1;

/** A place for plain sets, and one for encrypted sets. */
async function placesIn(bench: Bench): Promise<readonly BackupPlace[]> {
  const keys = await testKeys(bench.home);
  return [{ root: newRoot() }, { root: newRoot(), encryption: keys.section() }];
}

export const encryptedBackup: Scenario = {
  name: 'encrypted-backup',
  about: 'backup of one lineitem table, plain and encrypted in turns',
  gigabytes: 2,
  rounds: 4,
  async run(bench, { gigabytes, rounds }) {
    return withServer(bench, false, async (server) => {
      const source = await fill(bench, server, ['lineitem'], SHAPES.lineitem, gigabytes * 1e9);
      const [plain, encrypted] = await placesIn(bench);
      const contender = (name: string, place: BackupPlace | undefined): Contender => ({
        name,
        needs: [],
        run: () =>
          stowage(bench, [server], { ...place, root: newRoot() }, 'backup', '--workers', '1'),
        clean: () => bench.store.ready(false),
      });
      const contenders = [contender(PLAIN.backup, plain), contender(ENCRYPTED.backup, encrypted)];
      const { rows, notes } = await runInTurns(bench, [server], contenders, rounds);
      return {
        name: this.name,
        title: `${this.about}: ${(source.bytes / 1e9).toFixed(2)} GB of COPY text`,
        bytes: source.bytes,
        floor: PLAIN.backup,
        rows,
        bars: barsOf(rows, ENCRYPTED.backup, PLAIN.backup),
        notes,
      };
    });
  },
};

export const encryptedRestore: Scenario = {
  name: 'encrypted-restore',
  about: 'restore of one lineitem table into an empty database, plain and encrypted in turns',
  gigabytes: 2,
  rounds: 4,
  async run(bench, { gigabytes, rounds }) {
    return withServer(bench, true, async (server) => {
      const source = await fill(bench, server, ['lineitem'], SHAPES.lineitem, gigabytes * 1e9);
      const sets: StoredSet[] = [];
      for (const place of await placesIn(bench)) {
        const set = await stowage(bench, [server], place, 'backup', '--workers', '1');
        sets.push({ ...place, timestamp: timestampIn(set) });
      }
      const into = intoNewDatabase(bench, source);
      const contenders = sets.map((set, at) =>
        into({
          name: at === 0 ? PLAIN.restore : ENCRYPTED.restore,
          needs: [],
          isEmpty: true,
          run: () => restoreSet(bench, server, set, '--workers', '1'),
        }),
      );
      const { rows, notes } = await runInTurns(bench, [server], contenders, rounds);
      return {
        name: this.name,
        title: `${this.about}: ${(source.bytes / 1e9).toFixed(2)} GB of COPY text`,
        bytes: source.bytes,
        floor: PLAIN.restore,
        rows,
        bars: barsOf(rows, ENCRYPTED.restore, PLAIN.restore),
        notes,
      };
    });
  },
};

function barsOf(rows: readonly Row[], ours: string, peer: string): Bar[] {
  const medians = mediansOf(rows);
  const memory = (name: string) =>
    medians.find(({ contender }) => contender === name)?.facts['peakMemoryBytes'] ?? Number.NaN;
  const growth = memory(ours) / memory(peer);
  return [
    {
      what: 'CPU of database and client of an encrypted set, relative to a plain one',
      atMost: 1.12,
      unit: '×',
      measured: ratioOf(rows, ours, peer, 'totalSeconds'),
    },
    {
      what: 'peak memory of a shipper, relative to that of a plain set',
      atMost: MEMORY_GROWTH_MAX,
      unit: '×',
      measured: Number.isNaN(growth) ? undefined : growth,
    },
  ];
}
