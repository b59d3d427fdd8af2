import { eachInFlight } from '../../../async/each-in-flight.ts';
import { decode, encode, sha256 } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Phase } from '../../../backup-set/base/keys.ts';
import { describeProblem } from '../../../backup-set/base/verdict.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { draftOrders } from '../../../backup-set/restore/orders.ts';
import { phasesOf } from '../../../backup-set/restore/sections.ts';
import { ORDERS_IN_FLIGHT, orderMaker } from '../../../functions/stored/make-orders.ts';
import type { RestoreRun } from '../../restore/run.ts';
import { functionDeps } from '../../wait-for-functions.ts';

type Expecting = Pick<RestoreRun, 'context' | 'store' | 'request' | 'manifest'>;

/**
 * The digests of the orders that follow from our own request and the proven manifest of an
 * encrypted set. Orders lie in the bucket, and a shipper refuses one with another digest.
 * @returns undefined when the set is not encrypted: then nothing proves its manifest either.
 */
export function expectedOrders(
  run: Expecting,
  phase: Phase,
): ((content: number) => Promise<string>) | undefined {
  return run.context.keys === undefined ? undefined : digestsOf(run, phase);
}

function digestsOf(run: Expecting, phase: Phase): (content: number) => Promise<string> {
  const { context, store, manifest } = run;
  const make = orderMaker(functionDeps(context, store), manifest);
  const drafts = new Map(draftsOf(run, phase).map((draft) => [draft.content, draft]));
  return async (content) => {
    const draft = drafts.get(content);
    if (draft === undefined)
      throw new StowageError('internal', `content ${content} has no order of phase ${phase}`);
    // Its digest is asked for once: nothing of an order stays in memory until the phase ends.
    drafts.delete(content);
    const made = await make(draft, sha256);
    if (made.ok) return made.value;
    throw new StowageError('set/damaged', describeProblem(made.failure), {
      where: { set: manifest.timestamp, content },
    });
  };
}

/** Content → digests of its orders. */
export type ExpectedOrders = ReadonlyMap<number, readonly { phase: Phase; sha256: string }[]>;

/**
 * The same for agents, of all phases. Also of a set that is not encrypted: a command that signs
 * answers for what it has read.
 */
export async function allExpectedOrders(run: Expecting): Promise<ExpectedOrders> {
  const found = new Map<number, { phase: Phase; sha256: string }[]>();
  for (const phase of phasesOf(run.request)) {
    const digestOf = digestsOf(run, phase);
    const contents = draftsOf(run, phase).map(({ content }) => content);
    await eachInFlight(contents, ORDERS_IN_FLIGHT, async (content) => {
      const digests = found.get(content) ?? [];
      found.set(content, digests);
      digests.push({ phase, sha256: await digestOf(content) });
    });
  }
  return found;
}

/** As the functions make them: from the stored bytes of the request. */
function draftsOf({ request, manifest }: Expecting, phase: Phase) {
  const bytes = encode(RestoreRequest, request);
  return draftOrders(phase, {
    request: decode(RestoreRequest, { key: 'request.json', bytes }),
    manifest,
  });
}
