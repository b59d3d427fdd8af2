import * as fc from 'fast-check';
import { METADATA_FILES } from '../base/keys.ts';
import { EVERYTHING } from '../base/selection.ts';
import {
  idsOf,
  type Plan,
  type PlannedContent,
  type Relation,
  rangesOf,
} from '../documents/plan.ts';
import { AT, TIMESTAMP } from './builders.ts';
import { hostileName, qualifiedName } from './names.ts';

/** Tables and partitions with different names; their ids count from 0. */
export const relations: fc.Arbitrary<Relation[]> = fc
  .uniqueArray(qualifiedName, {
    minLength: 1,
    maxLength: 6,
    selector: ({ schema, name }) => JSON.stringify([schema, name]),
  })
  .chain((names) => fc.tuple(...names.map((name) => relationOf(name))))
  .map((list) => list.map((relation, id) => ({ ...relation, id })));

function relationOf(name: { schema: string; name: string }): fc.Arbitrary<Omit<Relation, 'id'>> {
  const columns = fc.array(hostileName, { maxLength: 3 });
  return fc.oneof(
    columns.map((list) => ({ ...name, kind: 'table' as const, columns: list })),
    fc.record({ columns, condition: fc.string(), partitionRoot: qualifiedName }).map((rest) => ({
      ...name,
      kind: 'partition' as const,
      ...rest,
    })),
  );
}

/** A consistent plan of several contents, −1 among them, with different relations. */
export const plan: fc.Arbitrary<Plan> = relations.chain((list) =>
  fc
    .record({
      cluster: hostileName,
      database: hostileName,
      contents: fc.uniqueArray(contentOf(list.length), {
        minLength: 1,
        maxLength: 3,
        selector: ({ content }) => content,
      }),
      isEncrypted: fc.boolean(),
    })
    .map(({ contents, isEncrypted, ...names }) => ({
      ...PLAN,
      ...names,
      ...(isEncrypted && ENCRYPTED),
      relations: list,
      contents: everyId(contents, list),
    })),
);

function contentOf(relationsMax: number): fc.Arbitrary<PlannedContent> {
  const required = {
    content: fc.integer({ min: -1, max: 11 }),
    host: hostileName,
    port: fc.integer({ min: 1, max: 65_535 }),
    serverVersion: fc.constantFrom('15.4', '9.4.26'),
    encoding: fc.constantFrom('UTF8', 'SQL_ASCII'),
    metadata: fc.subarray([...METADATA_FILES]),
    relations: fc.subarray(Array.from({ length: relationsMax }, (_, id) => id)).map(rangesOf),
    refresh: fc.array(qualifiedName, { maxLength: 2 }),
  };
  return fc.record(
    { ...required, systemIdentifier: fc.constantFrom('7713490114739246204') },
    { requiredKeys: Object.keys(required) as (keyof typeof required)[] },
  );
}

/** Assigns the remaining relations to the first content. */
function everyId(contents: PlannedContent[], list: readonly Relation[]): PlannedContent[] {
  const given = new Set(contents.flatMap((content) => [...idsOf(content.relations)]));
  const left = list.map(({ id }) => id).filter((id) => !given.has(id));
  return contents.map((content, at) =>
    at > 0 ? content : { ...content, relations: rangesOf([...idsOf(content.relations), ...left]) },
  );
}

/** Fields of the plan of an encrypted set. */
export const ENCRYPTED = {
  features: ['encrypted'],
  encryption: { keyId: 'ab'.repeat(16), digestKeyId: 'cd'.repeat(16) },
} satisfies Partial<Plan>;

export const PLAN: Omit<Plan, 'relations' | 'contents'> = {
  format: 'stowage/plan',
  version: 1,
  timestamp: TIMESTAMP,
  startedAt: AT,
  cluster: 'c',
  flavour: 'shards',
  database: 'd',
  root: 's3://bucket/prefix',
  tool: 'stowage 0',
  overdueAfterSeconds: 600,
  snapshot: { mechanism: 'barrier', takenAt: AT, writerWaitMs: 30, attempts: 1 },
  frameBytes: 4096,
  packBytes: 65_536,
  compression: { algorithm: 'zstd', level: 3 },
  selection: EVERYTHING,
  notShipped: [{ schema: 's', name: 'unlogged', kind: 'table', reason: 'unlogged' }],
};
