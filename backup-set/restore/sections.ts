import type { Phase } from '../base/keys.ts';
import type { Section } from '../documents/restore/choices.ts';
import type { OrderOf, RestoreRequest } from '../documents/restore/restore.ts';

type Asked = Pick<RestoreRequest, 'sections' | 'mode'>;

/** True if a request restores this part of the set. */
export function restores({ sections }: Pick<Asked, 'sections'>, section: Section): boolean {
  return sections === undefined || sections.includes(section);
}

/** The phases of a restore. `pre-data` also marks the target, so no restore is without it. */
export function phasesOf(request: Asked & Pick<RestoreRequest, 'verify'>): Phase[] {
  const hasData = restores(request, 'data');
  const phases: [Phase, boolean][] = [
    ['verify', request.verify],
    ['pre-data', true],
    ['data', hasData],
    // It also sets the sequences, whose values are data, and the properties of a new database.
    ['post-data', hasData || restores(request, 'post-data') || request.mode === 'create'],
    ['analyze', hasData],
  ];
  return phases.flatMap(([phase, isWanted]) => (isWanted ? [phase] : []));
}

/** What must hold of the relations before a restore that does not create them. */
export function existing(request: Asked): OrderOf<'pre-data'>['existing'] {
  if (request.mode !== 'fill' || restores(request, 'pre-data')) return undefined;
  return restores(request, 'data') ? 'empty' : 'any';
}

/** A restore that creates the tables without rows leaves the views without rows, too. */
export function refreshesViews(request: Asked): boolean {
  const isEmpty = restores(request, 'pre-data') && !restores(request, 'data');
  return restores(request, 'post-data') && !isEmpty;
}

/** True if schema objects of the set can be looked for after the restore. */
export function makesObjects(request: Asked): boolean {
  return (
    request.mode === 'truncate' || restores(request, 'pre-data') || restores(request, 'post-data')
  );
}
