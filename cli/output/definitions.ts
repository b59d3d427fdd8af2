import { count } from '../../backup-set/base/words.ts';
import type { DefinedObject } from '../../backup-set/documents/plan.ts';
import { printable } from './format.ts';

const SHOWN = 8;

/** What the definitions of a set lack, and which of them hold passwords; no line when nothing. */
export function definitionLines({
  leftOut = [],
  secrets = [],
}: {
  readonly leftOut?: readonly DefinedObject[];
  readonly secrets?: readonly DefinedObject[];
}): string[] {
  return [
    ...(leftOut.length === 0
      ? []
      : [
          `not in the set, because pg_dump does not write it for this role (a superuser's backup has it): ${listed(leftOut)}`,
        ]),
    ...(secrets.length === 0
      ? []
      : [
          `passwords in clear in the set, as in the catalog: ${listed(secrets)} (docs/security.md, "Passwords in definitions")`,
        ]),
  ];
}

function listed(objects: readonly DefinedObject[]): string {
  const shown = objects.slice(0, SHOWN).map(({ kind, name }) => printable(`${kind} ${name}`));
  const more = objects.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${count(more)} more (--json lists them)` : '');
}
