import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { Segment } from '../../../database/flavour.ts';
import { type Heard, heardOf } from '../../../functions/heard/heard.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import { signingKeyOf } from '../../keys/for-agents/signed-restore.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import type { Check } from '../check.ts';
import { namesOf } from '../contents.ts';

type Served = Pick<Segment, 'content' | 'host' | 'port'>;

const CHECK = { of: 'cluster', name: 'signed orders' };
const MAKE = '`stowage key new --signing-key FILE` makes a key and prints the line for agent.yaml';

/** Whether the agents obey what this command signs, as far as their heartbeats say. */
export async function checkSignatures(
  context: ClusterContext,
  store: ObjectStore,
  segments: readonly Served[],
): Promise<Check[]> {
  let publicKey: string | undefined;
  try {
    publicKey = (await signingKeyOf(context.config))?.publicKey;
  } catch (error) {
    if (!isStowageError(error, 'config/invalid')) throw error;
    return [{ ...CHECK, ok: false, detail: error.message }];
  }
  const now = await store.now({ signal: context.signal });
  const heard = await heardOf(functionDeps(context, store), now, ['agent']);
  return judgeSignatures(publicKey, segments, heard);
}

/**
 * Pure.
 * @param publicKey of the command; undefined: it signs nothing.
 */
export function judgeSignatures(
  publicKey: string | undefined,
  segments: readonly Served[],
  heard: readonly Heard[],
): Check[] {
  const kinds = Map.groupBy(segments, (segment) => kindOf(publicKey, agentOf(segment, heard)));
  return [...kinds].flatMap(([kind, alike]) => {
    const names = namesOf(alike.map(({ content }) => content));
    const finding = FINDINGS[kind](publicKey ?? '');
    return finding === undefined
      ? []
      : [{ ...CHECK, ...finding, detail: `${names}: ${finding.detail}` }];
  });
}

type Kind = 'fits' | 'other key' | 'obeys all' | 'unheard' | 'unsigned' | 'nothing' | 'unknown';

/** Heartbeats lie in the bucket: they show mistakes of a configuration, and prove nothing. */
function kindOf(publicKey: string | undefined, agent: Heard | undefined): Kind {
  if (agent === undefined) return publicKey === undefined ? 'unknown' : 'unheard';
  const { signedBy } = agent;
  if (publicKey === undefined) return signedBy === undefined ? 'nothing' : 'unsigned';
  if (signedBy === undefined) return 'obeys all';
  return signedBy.includes(publicKey) ? 'fits' : 'other key';
}

/** The newest of the living agents that serve a content. */
function agentOf({ content, host, port }: Served, heard: readonly Heard[]): Heard | undefined {
  return heard
    .filter(
      ({ isOverdue, contents = [] }) =>
        !isOverdue &&
        contents.some((one) => one.content === content && one.host === host && one.port === port),
    )
    .toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime())[0];
}

const note = (detail: string) => ({ ok: true, remark: true, detail }) as const;

const FINDINGS: Readonly<
  Record<Kind, (publicKey: string) => Pick<Check, 'ok' | 'remark' | 'detail'> | undefined>
> = {
  fits: (publicKey) => ({ ok: true, detail: `the agent obeys orders of ${publicKey}` }),
  'other key': (publicKey) => ({
    ok: false,
    detail: `the agent obeys orders of other keys only, and refuses those of this command (orders/signature). Add ${publicKey} to signedBy in its agent.yaml, and restart it; its heartbeat says so within 15 minutes`,
  }),
  'obeys all': (publicKey) =>
    note(
      `the agent obeys every order, also one that another program writes into the bucket: set signedBy: [${publicKey}] in its agent.yaml, and restart it`,
    ),
  unheard: (publicKey) =>
    note(
      `no living agent has said which keys it obeys: signedBy of agent.yaml must have ${publicKey}`,
    ),
  unsigned: () => ({
    ok: false,
    detail: `the agent obeys signed orders only, and shippers.signingKeyFile is not set: it refuses those of this command (orders/signature). Set the field to the file of one of its keys; ${MAKE}`,
  }),
  nothing: () =>
    note(
      `orders are not signed (shippers.signingKeyFile), and the agent obeys every order, also one that another program writes into the bucket. ${MAKE}`,
    ),
  // Other checks say that no agent is heard.
  unknown: () => undefined,
};
