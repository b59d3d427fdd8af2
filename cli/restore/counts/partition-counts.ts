import type { Problem } from '../../../backup-set/base/verdict.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { ExpectedRelation } from '../expected.ts';

/** The counts of one instance, compared with the manifest. */
export interface PartitionCounts {
  add(expected: ExpectedRelation, rows: number): void;
  /** One for each relation whose count differs. */
  problems(content: number): Problem[];
}

/**
 * A row may belong to another partition in the target (the hash of an enum, another collation): the
 * restore then loads it through the root. So the counts of partitions are compared by their root,
 * and each by itself only where these differ.
 */
export function partitionCounts(): PartitionCounts {
  const trees = new Map<string, number>();
  const differing: { readonly expected: ExpectedRelation; readonly rows: number }[] = [];
  return {
    add(expected, rows) {
      const root = rootOf(expected);
      if (root !== undefined) trees.set(root, (trees.get(root) ?? 0) + rows - expected.rows);
      if (rows !== expected.rows) differing.push({ expected, rows });
    },
    problems: (content) =>
      differing.flatMap(({ expected, rows }): Problem[] => {
        const root = rootOf(expected);
        if (root !== undefined && trees.get(root) === 0) return [];
        const { schema, name } = expected.target;
        const message = `holds ${plural(rows, 'row')} after the restore, the manifest says ${expected.rows}. Its rows were not loaded, or another session has changed the table`;
        return [{ code: 'count-differs', message, content, relation: { schema, name } }];
      }),
  };
}

function rootOf({ relation: { partitionRoot } }: ExpectedRelation): string | undefined {
  return partitionRoot && JSON.stringify([partitionRoot.schema, partitionRoot.name]);
}
