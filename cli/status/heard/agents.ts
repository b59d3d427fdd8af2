import { plural } from '../../../backup-set/base/words.ts';
import type { Heard } from '../../../functions/heard/heard.ts';
import { ageText } from '../../schedule/text.ts';

/** A content of the configuration, or one that an agent has served. */
export interface WantedContent {
  readonly content: number;
  readonly host: string;
  readonly port: number;
}

/** Contents and agents that a message names. */
const NAMED_MAX = 5;

const idOf = ({ content, host, port }: WantedContent) => `${content} ${host}:${port}`;

/**
 * What of the agents needs attention: contents that no living agent serves. An agent that is
 * overdue needs none when another one has its contents. Pure.
 * @param wanted of the configuration; empty = the coordinator knows them.
 */
export function agentTroubles(
  agents: readonly Heard[],
  wanted: readonly WantedContent[],
  now: Date,
): string[] {
  const overdue = agents.filter(({ isOverdue }) => isOverdue);
  const served = new Set(
    agents.filter(({ isOverdue }) => !isOverdue).flatMap(({ contents = [] }) => contents.map(idOf)),
  );
  const isServed = (content: WantedContent) => served.has(idOf(content));
  const messages: string[] = [];
  const named = new Set<string>();
  for (const { name, lastAt, contents = [] } of overdue) {
    const alone = contents.filter(
      (content) =>
        !isServed(content) &&
        (wanted.length === 0 || wanted.some((one) => idOf(one) === idOf(content))),
    );
    for (const content of alone) named.add(idOf(content));
    if (alone.length === 0 && contents.length > 0) continue;
    const what = alone.length === 0 ? '' : `, and no other agent serves ${contentsText(alone)}`;
    messages.push(
      `agent ${name} was last heard ${ageText(now.getTime() - lastAt.getTime())} ago${what}: look at stowage-agent on its host`,
    );
  }
  const unheard = wanted.filter((content) => !isServed(content) && !named.has(idOf(content)));
  if (unheard.length > 0)
    messages.push(
      `no agent is heard that serves ${contentsText(unheard)}: start stowage-agent there, and compare content, host and port with its agent.yaml`,
    );
  return messages;
}

function contentsText(contents: readonly WantedContent[]): string {
  const shown = contents
    .slice(0, NAMED_MAX)
    .map(({ content, host, port }) => `${content} (${host}:${port})`)
    .join(', ');
  const more = contents.length > NAMED_MAX ? ` and ${contents.length - NAMED_MAX} more` : '';
  return `${contents.length === 1 ? 'content' : 'contents'} ${shown}${more}`;
}

/** `4 heard; db2 overdue: last heard 3 h ago`. Pure. */
export function agentsText(agents: readonly Heard[], now: Date): string {
  if (agents.length === 0) return 'none heard in the last 7 days';
  const age = ({ lastAt }: Heard) => ageText(now.getTime() - lastAt.getTime());
  const overdue = agents.filter(({ isOverdue }) => isOverdue);
  const late = overdue
    .slice(0, NAMED_MAX)
    .map((one) => `${one.name} OVERDUE, last heard ${age(one)} ago`);
  const more = overdue.length > NAMED_MAX ? [`${overdue.length - NAMED_MAX} more overdue`] : [];
  const living = agents.filter(({ isOverdue }) => !isOverdue);
  const oldest = living.toSorted((a, b) => a.lastAt.getTime() - b.lastAt.getTime())[0];
  const heard =
    oldest === undefined
      ? []
      : [`${plural(living.length, 'agent')} heard in the last ${age(oldest)}`];
  return [...heard, ...late, ...more].join('; ');
}
