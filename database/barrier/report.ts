import { StowageError } from '../../backup-set/base/errors.ts';
import type { Blocked } from '../flavour.ts';
import type { AttemptFailure } from './step.ts';

/** A failed attempt as the user sees it. */
export function blockedOf({ node, failure }: AttemptFailure, attempt: number): Blocked {
  const wait = failure.kind === 'blocked' ? failure.wait : undefined;
  const blockers = (wait?.blockers ?? []).map(({ isAutovacuum: _, ...blocker }) => blocker);
  return { content: node.segment.content, attempt, relation: wait?.relation ?? '', blockers };
}

/** What is said when all attempts have failed: who is in the way, where, and with what. */
export function barrierGivenUp(
  last: AttemptFailure | undefined,
  attemptsMax: number,
): StowageError {
  if (last === undefined)
    return new StowageError('database/locked', 'no attempt at the barrier was allowed');
  const { content, relation, blockers } = blockedOf(last, attemptsMax);
  const where = { content, ...(relation === '' ? {} : { relation }) };
  if (last.failure.kind === 'changed') {
    const message = `relations of content ${content} were created, dropped or renamed during each of ${attemptsMax} attempts at the barrier`;
    return new StowageError('database/locked', message, { where });
  }
  const named = blockers.map(
    ({ pid, user, application, state, query }) =>
      `pid ${pid}, user ${user || '?'}${application === '' ? '' : `, application ${application}`}, ${state}: ${query.replaceAll(/\s+/g, ' ')}`,
  );
  const who = named.length === 0 ? 'sessions that came and went' : named.join('; ');
  const message = `${relation || 'a relation'} of content ${content} could not be locked in ${attemptsMax} attempts; in the way: ${who}`;
  return new StowageError('database/locked', message, { cause: last.failure.cause, where });
}
