import type { QualifiedName } from '../../../../backup-set/base/selection.ts';
import type { TocEntry } from '../../../../database/objects/toc.ts';
import { quoteQualified } from '../../../../database/session/quote.ts';
import type { ObjectsMade } from '../../../../database/tools/restore-lines.ts';

/** Objects whose making reads the rows of their table. */
const READS_TABLE: ReadonlySet<string> = new Set([
  'INDEX',
  'CONSTRAINT',
  'FK CONSTRAINT',
  'CHECK CONSTRAINT',
]);
const TABLES: ReadonlySet<string> = new Set(['TABLE', 'MATERIALIZED VIEW']);
/** A page: an object that reads no row is not nothing. */
const BYTES_MIN = 8192;

/** An entry that a restore makes, and the tables that it reads: a foreign key reads two. */
interface Weighed {
  readonly id: number;
  readonly label: string;
  readonly reads: readonly QualifiedName[];
}

export type Sizes = (tables: readonly QualifiedName[]) => Promise<ReadonlyMap<string, number>>;

/** Collects entries as they are read; `isMade` says which of them the restore makes. */
export function objectWeights() {
  const tables = new Map<number, QualifiedName>();
  const made: Weighed[] = [];
  return {
    take(entry: TocEntry, isMade: boolean): void {
      const { id, kind, schema, name, dependsOn } = entry;
      if (name === undefined) return;
      if (TABLES.has(kind)) tables.set(id, { schema, name });
      if (!isMade) return;
      const reads = READS_TABLE.has(kind) ? dependsOn.flatMap((one) => tables.get(one) ?? []) : [];
      const label = `${kind} ${schema === '' ? '' : `${schema}.`}${name}`.replaceAll('"', '');
      made.push({ id, label, reads });
    },
    /** Asks for the sizes of all tables that are read, by one call; undefined = not known. */
    async weigh(sizes: Sizes): Promise<ObjectBytes | undefined> {
      const read = new Map(
        made.flatMap(({ reads }) => reads.map((table) => [quoteQualified(table), table])),
      );
      const bytes = await sizes([...read.values()]);
      // Without sizes all objects are alike, which their number says better.
      if (bytes.size === 0) return undefined;
      const weight = ({ reads }: Weighed) =>
        reads.reduce((sum, table) => sum + (bytes.get(quoteQualified(table)) ?? 0), BYTES_MIN);
      return bytesOf(made.map((one) => ({ ...one, bytes: weight(one) })));
    },
  };
}

/** How many bytes the objects read that are made. */
export interface ObjectBytes {
  readonly planned: number;
  /** Of the objects that are made, after this line of pg_restore. Never falls. */
  made(now: ObjectsMade): number;
}

function bytesOf(objects: readonly (Weighed & { readonly bytes: number })[]): ObjectBytes {
  const byId = new Map(objects.map((one) => [one.id, one]));
  const byLabel = new Map(objects.map((one) => [one.label, one]));
  const planned = objects.reduce((sum, { bytes }) => sum + bytes, 0);
  const begun = new Set<number>();
  let begunBytes = 0;
  let most = 0;
  return {
    planned,
    made({ current, running }) {
      const last = byLabel.get(current);
      if (last !== undefined && !begun.has(last.id)) {
        begun.add(last.id);
        begunBytes += last.bytes;
      }
      const busy = running.length > 0 ? running : last === undefined ? [] : [last.id];
      const open = busy.filter((id) => begun.has(id));
      const openBytes = open.reduce((sum, id) => sum + (byId.get(id)?.bytes ?? 0), 0);
      most = Math.max(most, begunBytes - openBytes);
      return most;
    },
  };
}
