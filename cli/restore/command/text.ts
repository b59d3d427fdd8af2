import type { Problem } from '../../../backup-set/base/verdict.ts';
import { count, plural } from '../../../backup-set/base/words.ts';
import { makesObjects, restores } from '../../../backup-set/restore/sections.ts';
import { duration, printable } from '../../output/format.ts';
import { problemLines } from '../../output/problems.ts';
import { lacksObjectsOnly } from '../lacks-objects.ts';
import { mappedLines } from '../mapped/text.ts';
import type { RestoreResult } from '../result.ts';
import { resumeCommand } from '../unfinished.ts';
import { othersLine } from './contents.ts';
import { LARGE_OBJECTS_LEFT } from './large-objects.ts';
import { nextSteps } from './next-step.ts';
import { notAsked } from './not-asked.ts';

/** 0 means that nothing is missing, or only what the user allows to miss. */
export function exitOf({ outcome, choices }: RestoreResult): number {
  const { status, leftOutTotal = 0 } = outcome;
  if (status === 'restored' && leftOutTotal > 0 && choices.allowMissing !== true) return 3;
  return { restored: 0, failed: 3, refused: 4 }[status];
}

/** What the command prints at its end. */
export function textOf(result: RestoreResult): string {
  const { outcome, aftermath, chosen, id, choices } = result;
  const { status, problems, problemsTotal, objects, leftOut = [], leftOutTotal = 0 } = outcome;
  const isRestored = status === 'restored';
  const isNotCompared =
    isRestored && objects === undefined && makesObjects({ ...choices, mode: 'fill' });
  return [
    ...problemLines(problems, problemsTotal),
    ...(leftOutTotal > 0 ? [`not restored (${count(leftOutTotal)}):`] : []),
    ...problemLines(rowsFirst(leftOut), leftOutTotal),
    ...(isRestored ? nextSteps(outcome, { ...choices, ...result }) : []),
    ...noteLines(result),
    ...(isNotCompared ? ['its schema objects were not compared (--no-objects)'] : []),
    ...(isRestored ? notAsked(choices) : []),
    isRestored
      ? restoredLine(result)
      : status === 'refused'
        ? `refused: the target was not changed (restore id: ${id})`
        : `failed: ${lacksObjectsOnly(outcome) ? lacksObjects(result) : (aftermath?.text ?? MAY_HOLD)} (restore id: ${id})`,
    ...(status === 'restored' && chosen !== undefined ? [othersLine(chosen)] : []),
  ].join('\n');
}

/** Rows that are missing are worse than objects. */
const rowsFirst = (leftOut: readonly Problem[]) =>
  leftOut.toSorted((a, b) => Number(isRows(b)) - Number(isRows(a)));
const isRows = ({ code }: Problem) => code === 'relation-not-loaded';

function restoredLine({ outcome, id, elapsedMs, choices }: RestoreResult): string {
  const { totals, counted, leftOut = [] } = outcome;
  const took = `in ${duration(elapsedMs)}`;
  if (!restores(choices, 'data'))
    return `restored ${choices.sections?.join(' and ')} without rows ${took} (restore id: ${id})`;
  const isPart = leftOut.some(isRows);
  const checked = counted ? ', and counted them' : '; their rows were not counted (--no-count)';
  return `${isPart ? 'restored only' : 'restored'} ${plural(totals.rows, 'row')} in ${plural(totals.relations, 'table')} on ${plural(totals.contents, 'segment')} ${took}${checked} (restore id: ${id})`;
}

/** What the user should know, although nothing has failed. */
function noteLines({ outcome, leavesLargeObjects, mapped }: RestoreResult): string[] {
  const { status, rolesKept } = outcome;
  const names = rolesKept?.names.slice(0, ROLES_SHOWN).map(printable) ?? [];
  const more = (rolesKept?.total ?? 0) - names.length;
  return [
    ...(rolesKept === undefined
      ? []
      : [
          `${plural(rolesKept.total, 'role')} existed and ${rolesKept.total === 1 ? 'was left as it is' : 'were left as they are'}: ${names.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''} (--globals=alter alters all but the role that restores)`,
        ]),
    ...(mapped !== undefined && status === 'restored' ? mappedLines(mapped) : []),
    ...(leavesLargeObjects === true && status === 'restored' ? [LARGE_OBJECTS_LEFT] : []),
  ];
}

/** Roles named in the text; --json names more. */
const ROLES_SHOWN = 8;

const MAY_HOLD = 'the target may hold part of the set';
const lacksObjects = ({ id, identity }: RestoreResult) =>
  `the rows were loaded, and the target lacks the objects named above. Create them (docs/operations.md); after --create, \`${resumeCommand(id, identity)}\` creates them`;
