import type { Outcome, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { canMakeMore, resumeMakes } from '../lacks-objects.ts';
import { resumeCommand } from '../unfinished.ts';

type Asked = Pick<RestoreRequest, 'id' | 'mode' | 'allowMissing'> & {
  readonly into?: RestoreRequest['into'] | undefined;
  /** The --identity flags of this command line. */
  readonly identity?: string;
};

/** What to do about the objects that a restore has left out, one line for each way to mend them. */
export function nextSteps({ leftOut = [] }: Pick<Outcome, 'leftOut'>, asked: Asked): string[] {
  const { id, mode, allowMissing, identity } = asked;
  if (allowMissing === true) return [];
  const needs = leftOut.some(({ code }) => code === 'need-missing');
  const byHand = leftOut.some(
    (problem) => problem.code === 'object-not-made' && !resumeMakes(problem, asked),
  );
  return [
    ...(canMakeMore({ leftOut }, asked)
      ? [
          `Correct the causes, and make only what is missing with \`${resumeCommand(id, identity)}\`. With --allow-missing it accepts what cannot be made`,
        ]
      : []),
    ...(byHand ? [BY_HAND] : []),
    ...(needs ? [mode === 'truncate' ? NEEDS_OBJECT : NEEDS_MORE] : []),
  ];
}

const BY_HAND =
  'A resume does not try objects again that got other names (object-not-made): correct the causes, and create them by hand';
const NEEDS_OBJECT =
  'A resume does not create what the target lacks (need-missing): create it by hand, and restore again with --truncate';
const NEEDS_MORE =
  'A resume does not make objects that need what is missing (need-missing): drop what was restored, and restore again with a selection that has it, too. Or create it in the target: then the same selection with --section post-data makes keys, indexes and triggers, and you create views by hand';
