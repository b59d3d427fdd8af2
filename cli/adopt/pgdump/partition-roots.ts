import type { Name } from '../../../backup-set/base/document.ts';
import { unquoted } from '../script/copy-statement.ts';

const PART = '((?:[a-z_\\x80-\\xff][\\w$\\x80-\\xff]*|"(?:[^"]|"")+"))';
const ATTACH = new RegExp(
  `^ALTER TABLE (?:ONLY )?${PART}\\.${PART} ATTACH PARTITION ${PART}\\.${PART} `,
);

/** `ALTER TABLE ONLY s.root ATTACH PARTITION s.leaf …`: the topmost root of each partition. */
export function partitionRootsOf(
  statements: readonly string[],
  decode: (bytes: string) => string,
): ReadonlyMap<string, Name> {
  const parents = new Map<string, Name>();
  for (const statement of statements) {
    const parts = ATTACH.exec(statement)
      ?.slice(1)
      .map((part) => decode(unquoted(part)));
    const [schema = '', name = '', ofSchema = '', leaf] = parts ?? [];
    if (leaf !== undefined) parents.set(JSON.stringify([ofSchema, leaf]), { schema, name });
  }
  const rootOf = (name: Name): Name => {
    const parent = parents.get(JSON.stringify([name.schema, name.name]));
    return parent === undefined ? name : rootOf(parent);
  };
  return new Map([...parents].map(([leaf, parent]) => [leaf, rootOf(parent)]));
}
