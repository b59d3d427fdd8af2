import type { weighed } from '../../../../async/each-in-flight.ts';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { formatKey } from '../../../../backup-set/base/keys.ts';
import type { Deps } from '../../../deps.ts';
import type { Cell, ConsoleRoot, Overview, TableHistory } from '../api.ts';
import { readPinnedPart } from '../cells/matrix.ts';
import { cellOf } from '../cells/part-cells.ts';
import { type Expected, followBackup, type Planned } from '../running/backup-progress.ts';
import { followRestore } from '../running/restore-progress.ts';
import { listRestores } from '../running/restores.ts';
import { attentionOf } from './attention.ts';
import { tableHistories } from './history.ts';
import { keptNewest } from './kept-newest.ts';
import { listSets } from './listing.ts';
import { lookedAtOnce } from './looked-at-once.ts';
import { type OpenSet, openSet } from './one-set.ts';
import { refreshedWhenOld } from './refreshed-when-old.ts';
import { rememberSmallReads } from './small-reads.ts';

/** How long an answer waits for a reading that goes on; then it says what is missing. */
const ANSWER_MS = 700;
/** 40 MB each for 1,000 contents × 10,000 tables. */
const OPEN_SETS_MAX = 2;
const FOLLOWED_MAX = 16;
/** A page polls every 3 s, and several pages share one look at the store. */
const FOLLOW_MS = 2_500;
/** How soon the page of a set notices that its manifest was damaged or removed. */
const TAG_MS = 10_000;

interface TableOf {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

/** What the console knows of one root. It reads when a page asks, and never writes. */
export type RootView = ReturnType<typeof viewRoot>;

export function viewRoot(given: Deps, root: ConsoleRoot, heavy: ReturnType<typeof weighed>) {
  const deps: Deps = { ...given, store: rememberSmallReads(given.store) };
  const listing = listSets(deps);
  const histories = tableHistories(deps, heavy);
  let restores: Awaited<ReturnType<typeof listRestores>> | undefined;
  let last: { readonly asOf: Date } | undefined;
  const refreshIfOld = refreshedWhenOld(
    async () => {
      const asOf = await deps.store.now({ signal: deps.signal });
      await listing.refresh(asOf);
      restores = await listRestores(deps);
      last = { asOf };
    },
    { begun: listing.listed, url: root.url, answerMs: ANSWER_MS },
  );

  /** The newest of the same kind: an incremental set adds less than a whole one. */
  const expected = async (planned: Planned): Promise<Expected | undefined> => {
    await refreshIfOld();
    const older = planned.chosen
      ? []
      : listing
          .sets()
          .filter(
            ({ state, chosen, cluster, database, timestamp }) =>
              state === 'complete' &&
              !chosen &&
              timestamp < planned.timestamp &&
              cluster === planned.cluster &&
              database === planned.database,
          );
    const newest = older.find(({ base }) => (base === undefined) === !planned.hasBase) ?? older[0];
    if (newest === undefined) return undefined;
    const { segments } = (await sets(newest.timestamp)).answer;
    const bytes = new Map(
      segments.content.map((content, at) => [content, segments.newBytes[at] ?? 0]),
    );
    return { timestamp: newest.timestamp, bytes };
  };
  const tags = keptNewest(FOLLOWED_MAX, async (timestamp) =>
    lookedAtOnce(() => manifestTag(deps, timestamp), TAG_MS),
  );
  const opened = keptNewest(OPEN_SETS_MAX, (name) => openSet(deps, name.slice(0, 14), heavy));
  /** A manifest that was damaged since it was read has another tag, and is read again. */
  const sets = async (timestamp: string) =>
    opened(`${timestamp} ${await (await tags(timestamp))()}`);
  const backups = keptNewest(FOLLOWED_MAX, async (timestamp) =>
    lookedAtOnce(followBackup(deps, timestamp, expected), FOLLOW_MS),
  );
  const followed = keptNewest(FOLLOWED_MAX, async (id) =>
    lookedAtOnce(followRestore(deps, id), FOLLOW_MS),
  );

  return {
    root,
    async overview(): Promise<Overview> {
      await refreshIfOld();
      const now = await deps.store.now({ signal: deps.signal });
      const listed = listing.sets();
      return {
        root,
        now: wholeMinutes(now),
        ...(last && { asOf: wholeMinutes(last.asOf) }),
        sets: listed,
        setsLeftOut: listing.leftOut,
        reading: listing.reading + (restores === undefined ? 1 : 0),
        restores: restores?.restores ?? [],
        restoresLeftOut: restores?.leftOut ?? 0,
        attention: attentionOf(listed, restores?.restores ?? [], now),
      };
    },
    openSet: (timestamp: string): Promise<OpenSet> => sets(timestamp),
    /** Undefined when the content does not have the table. */
    async cell(timestamp: string, table: number, content: number): Promise<Cell | undefined> {
      const { parts, ids } = await sets(timestamp);
      const part = await heavy(1, () => readPinnedPart(deps, parts, content));
      if (!part.ok) {
        const { message, object } = part.failure;
        throw new StowageError(
          'set/unreadable',
          object === undefined ? message : `${object}: ${message}`,
        );
      }
      return cellOf(part.value, ids[table] ?? -1);
    },
    backup: async (timestamp: string) => (await backups(timestamp))(),
    restore: async (id: string) => (await followed(id))(),
    async history(table: TableOf): Promise<TableHistory> {
      await refreshIfOld();
      const { database } = table;
      const complete = listing
        .sets()
        .filter(
          (set) =>
            set.sealedAt !== undefined && set.unreadable === undefined && set.database === database,
        );
      const timestamps = complete.map(({ timestamp }) => timestamp);
      const found = await histories(table, timestamps, ANSWER_MS);
      return { ...found, reading: found.reading + listing.reading };
    },
  };
}

function wholeMinutes(at: Date): string {
  return new Date(Math.floor(at.getTime() / 60_000) * 60_000).toISOString();
}

async function manifestTag({ store, signal }: Deps, timestamp: string): Promise<string> {
  const found = await store.head(formatKey({ kind: 'manifest', timestamp }), { signal });
  return String(found?.etag ?? found?.bytes);
}
