import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { sourcesOf } from '../../../backup-set/restore/mapped/map.ts';
import { isWhole } from '../../../backup-set/restore/plan.ts';
import { changedSegments } from '../expected.ts';
import { checkTarget, type TargetReport } from './check.ts';
import { reasonLines } from './reasons.ts';
import { foundLines, notInSetLine, targetLine } from './short.ts';
import type { TargetCheck } from './target-check.ts';

/**
 * Says where the restore goes, looks at every server of the target, and says what it has found,
 * before anything is changed or requested.
 * @throws StowageError `restore/refused` naming the first reason, after it has printed all; as
 * `checkTarget`.
 */
export async function requireTarget(check: TargetCheck): Promise<TargetReport> {
  const { context, request, manifest, segments } = check;
  const { output } = context;
  const changed = changedSegments(manifest.flavour, segments);
  const places = changed.map(({ content, host, port }) => ({ content, host, port }));
  const { database } = request.target;
  output.note(
    'target',
    { database, mode: request.mode, contents: places },
    targetLine(request, changed),
  );
  const report = await checkTarget(check);
  const { needs, contents, disks, unread } = report;
  const bytesOf = (content: number) =>
    isWhole(request)
      ? manifest.contents
          .filter((one) => sourcesOf(request, content).includes(one.content))
          .reduce((sum, { totals }) => sum + totals.bytes, 0)
      : 0;
  const lines = [
    ...foundLines(report, bytesOf),
    ...(isWhole(request) ? notInSetLine(manifest) : []),
  ];
  output.note(
    'target-checked',
    { needs, contents, disks, unread },
    lines.length === 0 ? undefined : lines.join('\n'),
  );
  if (report.reasons.length > 0) refuse(check, report.reasons);
  return report;
}

function refuse({ context }: TargetCheck, reasons: readonly Problem[]): never {
  const [first, ...more] = reasons as readonly [Problem, ...Problem[]];
  if (more.length > 0)
    context.output.note(
      'target-refused',
      { reasons },
      ['the restore cannot begin:', ...reasonLines(reasons)].join('\n'),
    );
  const others = more.length === 0 ? '' : ` (and ${plural(more.length, 'more reason')}, above)`;
  const { content, relation, message } = first;
  throw new StowageError('restore/refused', `${message}${others}`, {
    where: {
      ...(content === undefined ? {} : { content }),
      ...(relation === undefined ? {} : { relation: `${relation.schema}.${relation.name}` }),
    },
  });
}
