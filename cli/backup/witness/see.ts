import { asStowageError } from '../../../backup-set/base/errors.ts';
import type { Relation } from '../../../backup-set/documents/plan.ts';
import type { SeenContent } from '../../../backup-set/witness/decide.ts';
import type { ContentWitness, RelationWitness } from '../../../backup-set/witness/kinds.ts';
import type { Reason } from '../../../backup-set/witness/reasons.ts';
import type { NodeSnapshot } from '../../../database/flavour.ts';
import { attachSnapshot } from '../../../database/session/snapshot.ts';
import type { ServerTables, TableFacts } from '../../../database/witness/provider.ts';
import { targetOf } from '../../config/config.ts';
import type { ClusterContext } from '../../context.ts';
import type { PreparedWitnesses } from './prepare.ts';

type Session = Awaited<ReturnType<typeof attachSnapshot>>;

/**
 * What the servers say about the relations of one content, under the snapshot. Nothing that fails
 * here ends the backup: relations without a witness are read.
 * @param base what the base says about this content.
 */
export async function seeContent(
  context: ClusterContext,
  { support, contents }: PreparedWitnesses,
  node: NodeSnapshot,
  relations: readonly Relation[],
  base: ContentWitness | undefined,
): Promise<SeenContent | undefined> {
  const prepared = contents.get(node.segment.content) ?? [];
  const { snapshotId } = node;
  const isUseful = prepared.some(({ probe }) => probe !== undefined);
  if (support === undefined || snapshotId === undefined || !isUseful) return undefined;
  const target = targetOf(context.config, node.segment, context.env);
  const sessions: Session[] = [];
  const attach = async () => {
    const session = await attachSnapshot(target, snapshotId, {
      purpose: 'probe',
      applicationName: `stowage backup content ${node.segment.content} tables`,
      signal: context.signal,
    });
    sessions.push(session);
    return session;
  };
  try {
    const first = await attach();
    const read = { ...(await support.readTables(first)), base };
    return await collect(context, prepared, { first, attach }, relations, read);
  } catch (error) {
    context.signal.throwIfAborted();
    const { message } = asStowageError(error);
    for (const one of prepared) one.unavailable ??= message;
    return undefined;
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

type PreparedOfContent =
  PreparedWitnesses['contents'] extends ReadonlyMap<number, infer List> ? List : never;

async function collect(
  context: ClusterContext,
  prepared: PreparedOfContent,
  { first, attach }: { readonly first: Session; readonly attach: () => Promise<Session> },
  relations: readonly Relation[],
  { server, tables, base }: ServerTables & { readonly base: ContentWitness | undefined },
): Promise<SeenContent> {
  const byName = new Map(tables.map((table) => [nameOf(table), table]));
  const idOf = new Map<number, number>();
  let open: TableFacts[] = [];
  for (const relation of relations) {
    const table = byName.get(nameOf(relation));
    if (table === undefined) continue;
    idOf.set(table.oid, relation.id);
    open.push(table);
  }
  const sources: ContentWitness['sources'] = [];
  const seen = new Map<number, RelationWitness | Reason>();
  // A statement that failed has ended the transaction for the next provider.
  let session: Session | undefined = first;
  for (const one of prepared) {
    if (one.probe === undefined) continue;
    const source = base?.sources.find(({ kind }) => kind === one.kind);
    try {
      const { signal } = context;
      session ??= await attach();
      const terms = { session, signal, tables: open, base: source, server };
      const collected = await one.probe.collect(terms);
      if ('unavailable' in collected) {
        one.unavailable = collected.unavailable;
        continue;
      }
      sources.push(collected.source);
      for (const [oid, witness] of collected.tables) {
        const id = idOf.get(oid);
        if (id !== undefined) seen.set(id, witness);
      }
      open = open.filter(({ oid }) => typeof (collected.tables.get(oid) ?? '') === 'string');
    } catch (error) {
      context.signal.throwIfAborted();
      session = undefined;
      one.unavailable = asStowageError(error).message;
    }
  }
  return { content: { ...server, sources }, relations: seen };
}

const nameOf = ({ schema, name }: { readonly schema: string; readonly name: string }) =>
  JSON.stringify([schema, name]);
