import { runInTurns } from '../contenders/contenders.ts';
import { RESTORE, restoreContenders, storePeers } from '../contenders/restore.ts';
import { newRoot, stowage, timestampIn } from '../contenders/stowage.ts';
import { SHAPES } from '../measure/rows.ts';
import { type Bar, type Row, ratioOf } from '../report/result.ts';
import type { Scenario } from '../scenario.ts';
import { fill, withServer } from '../setup/servers.ts';

export const restore: Scenario = {
  name: 'restore',
  about: 'restore of one lineitem table into an empty database',
  gigabytes: 3,
  rounds: 2,
  async run(bench, { gigabytes, rounds }) {
    return withServer(bench, true, async (server) => {
      const source = await fill(bench, server, ['lineitem'], SHAPES.lineitem, gigabytes * 1e9);
      const root = newRoot();
      const set = await stowage(bench, [server], root, 'backup', '--workers', '1');
      await storePeers(bench, source);
      const contenders = restoreContenders(bench, source, { root, timestamp: timestampIn(set) });
      const { rows, notes } = await runInTurns(bench, [server], contenders, rounds);
      return {
        name: this.name,
        title: `${this.about}: ${(source.bytes / 1e9).toFixed(2)} GB of COPY text`,
        bytes: source.bytes,
        floor: RESTORE.floor,
        rows,
        bars: barsOf(rows),
        notes: [
          'Stowage creates the table itself. It reads the whole set before it changes anything, except with --no-verify. The other contenders load into an empty table.',
          ...notes,
        ],
      };
    });
  },
};

function barsOf(rows: readonly Row[]): Bar[] {
  const bar = (of: 'clientSeconds' | 'wallSeconds', ours: string, peer: string): Bar => ({
    what: `${of === 'wallSeconds' ? 'wall time' : 'CPU of the client'} of ${ours}, relative to ${peer}`,
    atMost: 1,
    unit: '×',
    measured: ratioOf(rows, ours, peer, of),
  });
  return [
    bar('clientSeconds', RESTORE.oneUnverified, RESTORE.curl),
    bar('wallSeconds', RESTORE.oneUnverified, RESTORE.curl),
    bar('clientSeconds', RESTORE.one, RESTORE.curl),
    bar('wallSeconds', RESTORE.one, RESTORE.curl),
    bar('wallSeconds', RESTORE.fourUnverified, RESTORE.oneUnverified),
  ];
}
