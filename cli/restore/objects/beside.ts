import { eachInFlight } from '../../../async/each-in-flight.ts';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { Outcome } from '../../../backup-set/documents/restore/restore.ts';
import { isWhole } from '../../../backup-set/restore/plan.ts';
import { makesObjects } from '../../../backup-set/restore/sections.ts';
import { changedSegments } from '../expected.ts';
import type { RestoreRun } from '../run.ts';
import { noteBeside, nothingBeside } from './chosen.ts';
import { expectedOn, SEGMENTS_AT_ONCE } from './compare.ts';

/**
 * Lists what a restore with --no-objects did beside the chosen objects, from archive and target. A
 * restore that compares its objects lists it then. Call it while the targets have their marks.
 * Never throws: the restore is done.
 */
export async function listBeside(run: RestoreRun, { leftOut = [] }: Outcome): Promise<void> {
  const { context, request, plan, manifest, segments } = run;
  const isListed = plan.objects === true || isWhole(request) || request.mode === 'truncate';
  if (isListed || !makesObjects(request)) return;
  const beside = nothingBeside();
  try {
    const changed = changedSegments(manifest.flavour, segments);
    await eachInFlight(changed, SEGMENTS_AT_ONCE, (segment) =>
      expectedOn(run, segment, beside, async () => undefined),
    );
  } catch (error) {
    const reason = messageOf(error);
    const text = `cannot list what was restored beside the chosen objects: ${reason}`;
    context.output.note('beside-unknown', { reason }, text);
    return;
  }
  const isLeftOut = (name: string) => leftOut.some(({ message }) => message.startsWith(name));
  noteBeside(context, beside, new Set([...beside.broughtBack].filter(isLeftOut)));
}
