import type { RelationWitness } from '../../../backup-set/witness/kinds.ts';
import type { Reason } from '../../../backup-set/witness/reasons.ts';
import type { ServerCheck } from '../../inspect/check.ts';
import type { Session } from '../../session/session.ts';
import { withSession } from '../place.ts';
import type { ServerHistory, TableFacts, WitnessProvider } from '../provider.ts';
import { checkpointedAt, type FileStamp, readFileStamps, serverStartedAt } from './stamps.ts';

/** What differs between PostgreSQL and Greenplum. */
export interface FileStampServer {
  /** What is missing on this server, and what to do. */
  whyUnavailable(session: Session): Promise<string | undefined>;
  readHistory(session: Session): Promise<ServerHistory>;
}

/** The times of the files of heap tables, where nothing better tells that they did not change. */
export function fileStamps({ whyUnavailable, readHistory }: FileStampServer): WitnessProvider {
  return {
    kind: 'file-stamp',
    async prepare(place) {
      const prepared = await withSession(place, async (session) => {
        const unavailable = await whyUnavailable(session);
        return unavailable === undefined
          ? {
              at: await checkpointedAt(session, place.waitMs),
              startedAt: await serverStartedAt(session),
            }
          : { unavailable };
      });
      if (prepared.at === undefined) return { unavailable: prepared.unavailable };
      const { at, startedAt } = prepared;
      return {
        async collect({ session, tables }) {
          const history = await readHistory(session);
          const ours = tables.filter(({ accessMethod }) => accessMethod === 'heap');
          const oids = ours.filter(({ unlogged }) => !unlogged).map(({ oid }) => oid);
          // Outside of the snapshot: a CHECKPOINT that takes too long must not end its session.
          const stamps = await withSession(place, async (other) =>
            (await serverStartedAt(other)) === startedAt
              ? ((await readFileStamps(other, oids, place.waitMs)) ?? OTHER_CLOCK)
              : OTHER_SERVER,
          );
          if (typeof stamps === 'string') return { unavailable: stamps };
          return {
            source: { kind: 'file-stamp', ...history, checkpointedAt: at } as const,
            tables: new Map(
              ours.map((table) => [table.oid, witnessOf(table, stamps.get(table.oid))]),
            ),
          };
        },
      };
    },
    async inspect(session): Promise<ServerCheck> {
      const missing = await whyUnavailable(session);
      const name = 'unchanged files';
      return missing === undefined
        ? { name, ok: true, detail: 'backup.witnesses.fileStamp can be used' }
        : { name, ok: true, remark: true, detail: `no file stamps: ${missing}` };
    },
  };
}

const OTHER_CLOCK =
  'the files have times of another clock than the server (a network file system?): global/pg_control was just written, and its time is not now';

const OTHER_SERVER =
  'the address led to another server than before the snapshot, or the server was restarted';

function witnessOf(
  { oid, file, toastFile, shape, unlogged }: TableFacts,
  stamp: FileStamp | undefined,
): RelationWitness | Reason {
  if (unlogged) return 'unlogged';
  if (shape === undefined) return 'type-unknown';
  if (stamp === undefined) return 'no-witness';
  if (stamp.isElsewhere) return 'tablespace';
  const toast = toastFile === undefined ? {} : { toastFile };
  const { stamp: digest, newest } = stamp;
  return { kind: 'file-stamp', oid, file, ...toast, shape, stamp: digest, newest };
}
