import { restores } from '../../../backup-set/restore/sections.ts';
import type { Choices } from '../request.ts';

/** What the flags of a restore have left out of its set, one line each. */
export function notAsked(choices: Choices): string[] {
  const { sections, noAcl } = choices;
  const hasData = restores(choices, 'data');
  const isEmpty = restores(choices, 'pre-data') && !hasData;
  const parts = [
    ...(restores(choices, 'pre-data') ? [] : ['tables, types and functions (pre-data)']),
    ...(hasData ? [] : ['rows, large objects and values of sequences (data)']),
    ...(restores(choices, 'post-data')
      ? isEmpty
        ? ['rows of materialized views']
        : []
      : ['indexes, keys, triggers and rows of materialized views (post-data)']),
  ];
  return [
    ...(sections === undefined
      ? []
      : [
          `only ${sections.join(' and ')} ${sections.length === 1 ? 'was' : 'were'} restored, as the flags say. Left out: ${parts.join('; ')}`,
        ]),
    ...(noAcl === true ? ['the GRANTs and REVOKEs of the set were not run (--no-acl)'] : []),
  ];
}
