import { agentsPrefix, formatKey, type Key, parseKey } from '../../backup-set/base/keys.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Deps } from '../deps.ts';
import { listKeys } from '../stored/load.ts';
import type { Event } from './events.ts';

/** More than `shippers.claimSeconds` is by default, and than an agent's longest pause. */
const SILENT_MS = 5 * 60_000;

/**
 * The event of an unsealed set of which no agent took an order in time; undefined when there is
 * none. Two LIST requests.
 */
export async function silentAgents(
  deps: Deps,
  timestamp: string,
  now: Date,
): Promise<Event | undefined> {
  const orders = await listKeys(deps, agentsPrefix(timestamp, 'orders'), ['backup-order']);
  const old = orders.filter(({ modifiedAt }) => now.getTime() - modifiedAt.getTime() > SILENT_MS);
  if (old.length === 0) return undefined;
  const claims = await listKeys(deps, agentsPrefix(timestamp, 'claims'), ['backup-claim']);
  const claimed = new Set(claims.map(({ key }) => contentOf(parseKey(key))));
  const silent = old
    .map(({ key }) => contentOf(parseKey(key)))
    .filter((content) => !claimed.has(content));
  if (silent.length === 0) return undefined;
  return {
    id: `${timestamp}000-agent-silent-${timestamp}`,
    name: 'agent-silent',
    at: dateOf(timestamp),
    title: `no agent took the orders of ${plural(silent.length, 'content')} of set ${timestamp}: ${silent.slice(0, 20).join(', ')}`,
    problems: [],
    problemsTotal: silent.length,
    next: 'look at the agents of these contents (docs/agents.md), then stowage backup',
    set: timestamp,
    object: formatKey({ kind: 'plan', timestamp }),
    stored: true,
  };
}

const contentOf = (key: Key | undefined) =>
  key !== undefined && 'content' in key ? key.content : undefined;
