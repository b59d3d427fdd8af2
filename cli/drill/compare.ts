import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { count } from '../../backup-set/base/words.ts';
import type { Manifest, ManifestRelation } from '../../backup-set/documents/manifest.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { copyOut } from '../../database/copy/copy-out.ts';
import { blockArena } from '../../database/copy-wire/block-arena.ts';
import type { Segment } from '../../database/flavour.ts';
import { openSession, type Session } from '../../database/session/session.ts';
import { partRows } from '../../segment-shipper/read/relation/part-rows.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import type { OpenSet } from '../read-set/open-set.ts';
import { relationParts } from '../read-set/relation-parts.ts';
import { type RowsDigest, rowsDigest } from './row-digest.ts';

/** How far the rows of a target were compared with the set. */
export interface Comparison {
  /** Ids: a relation is compared on each server that has it. */
  readonly relations: ReadonlySet<number>;
  readonly rows: number;
  readonly problems: readonly Problem[];
}

export const NOT_COMPARED: Comparison = { relations: new Set(), rows: 0, problems: [] };

const BLOCK_BYTES = 1024 * 1024;

/** The rows of one relation that one server of the target must have. */
interface Expected {
  readonly relation: ManifestRelation;
  readonly encoding: string;
  readonly digest: ReturnType<typeof rowsDigest>;
}

/**
 * Reads the rows of these relations from the set and from the target, and compares their digests.
 * Relations in COPY BINARY, and those of an extension, which brings rows of its own, are left out.
 */
export async function compareRows(
  set: OpenSet,
  target: { readonly context: ClusterContext; readonly segments: readonly Segment[] },
  relations: readonly ManifestRelation[],
): Promise<Comparison> {
  let compared = NOT_COMPARED;
  for (const segment of target.segments) {
    const expected = await readExpected(set, segment.content, relations, target.context.signal);
    compared = added(
      compared,
      await compareServer(target.context, segment, set.manifest, expected),
    );
  }
  return compared;
}

async function readExpected(
  set: OpenSet,
  content: number,
  relations: readonly ManifestRelation[],
  signal: AbortSignal,
): Promise<Map<number, Expected>> {
  const contents = formatOf(set.manifest.flavour).hasOneCatalog ? undefined : [content];
  const expected = new Map<number, Expected>();
  const binary = new Set<number>();
  for await (const part of relationParts(set, relations, contents)) {
    const { relation, encoding, rowFormat } = part;
    if (rowFormat !== undefined || relation.condition !== undefined) binary.add(relation.id);
    if (binary.has(relation.id)) continue;
    const known = expected.get(relation.id) ?? { relation, encoding, digest: rowsDigest() };
    expected.set(relation.id, known);
    for await (const chunk of partRows(set.store, part, { signal, keys: set.keys }))
      known.digest.feed(chunk);
  }
  for (const id of binary) expected.delete(id);
  return expected;
}

async function compareServer(
  { config, env, signal }: ClusterContext,
  segment: Segment,
  manifest: Manifest,
  expected: ReadonlyMap<number, Expected>,
): Promise<Comparison> {
  const receive = blockArena({ connections: 1, blocks: 3, frameBytes: BLOCK_BYTES });
  const session = await openSession(targetOf(config, segment, env), {
    purpose: 'backup',
    applicationName: 'stowage drill compare',
    receive,
    signal,
  });
  const problems: Problem[] = [];
  const relations = new Set<number>();
  let rows = 0;
  try {
    if (!(await writesTextAlike(session, manifest, segment.content)))
      return { relations, rows, problems };
    for (const { relation, encoding, digest } of expected.values()) {
      const found = await targetDigest(session, relation, encoding, signal);
      relations.add(relation.id);
      rows += found.rows;
      problems.push(...differences(segment.content, relation, digest.result(), found));
    }
  } finally {
    await session.close();
  }
  return { relations, rows, problems };
}

/** Other versions write floating-point numbers and other types as another text. */
async function writesTextAlike(
  session: Session,
  { contents }: Manifest,
  content: number,
): Promise<boolean> {
  const [row] = await session.query<{ version: string }>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version`,
  );
  const source =
    contents.find((each) => each.content === content) ??
    contents.find((each) => each.content === COORDINATOR);
  return source !== undefined && majorOf(source.serverVersion) === majorOf(row?.version ?? '');
}

/** `15` of `15.18`, `9.4` of `9.4.26`: since PostgreSQL 10 the first number decides. */
export function majorOf(version: string): string {
  const [first = '', second = ''] = version.split('.');
  return Number(first) >= 10 ? first : `${first}.${second}`;
}

async function targetDigest(
  session: Session,
  relation: ManifestRelation,
  encoding: string,
  signal: AbortSignal,
): Promise<RowsDigest> {
  const { schema, name, columns } = relation;
  const digest = rowsDigest();
  const copy = copyOut(session, { schema, name, columns }, { signal, encoding });
  for await (const block of copy.blocks) {
    if (block.kind === 'rows') {
      digest.feed(block.rows);
      block.release();
    } else for await (const chunk of block.chunks) digest.feed(chunk);
  }
  await copy.rowsCounted();
  return digest.result();
}

export function differences(
  content: number,
  { schema, name }: QualifiedName,
  wanted: RowsDigest,
  found: RowsDigest,
): Problem[] {
  const about = { content, relation: { schema, name } };
  if (wanted.rows !== found.rows) {
    const message = `the target has ${count(found.rows)} rows, and the set has ${count(wanted.rows)}`;
    return [{ code: 'count-differs', message, ...about }];
  }
  if (wanted.digest === found.digest) return [];
  const message = `the ${count(found.rows)} rows of the target are not those of the set (digest ${found.digest} instead of ${wanted.digest})`;
  return [{ code: 'rows-differ', message, ...about }];
}

function added(one: Comparison, other: Comparison): Comparison {
  return {
    relations: new Set([...one.relations, ...other.relations]),
    rows: one.rows + other.rows,
    problems: [...one.problems, ...other.problems],
  };
}
