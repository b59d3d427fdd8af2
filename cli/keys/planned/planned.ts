import { isDeepStrictEqual } from 'node:util';
import { encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { contentsPlanned, plannedSteps } from '../../../backup-set/restore/plan.ts';
import type { RestoreRun } from '../../restore/run.ts';

type Planned = Pick<RestoreRun, 'manifest' | 'request' | 'plan'> & {
  readonly context: Pick<RestoreRun['context'], 'keys' | 'signingKey'>;
};

/**
 * Says that the plan of a restore does not follow from our request and the manifest that this
 * command has proven: a plan without a phase, a content or the counts would restore less.
 * Undefined: it does, or the set is not encrypted and the command signs nothing.
 */
export function planProblem(run: Planned): Problem | undefined {
  const { manifest, plan, request } = run;
  const { keys, signingKey } = run.context;
  if (keys === undefined && signingKey === undefined) return undefined;
  // Nothing proves the bytes of a manifest in clear; orders that follow from another are refused.
  if (keys !== undefined && plan.manifestSha256 !== sha256(encode(Manifest, manifest))) {
    const { timestamp } = manifest;
    return {
      code: 'not-proven',
      object: formatKey({ kind: 'manifest', timestamp }),
      message:
        'the restore was planned from another manifest than the one that the key of the set proves: it was replaced in between',
    };
  }
  const { id, timestamp, contents } = plan;
  const named = { ...{ id, timestamp }, ...stepsIn(plan), contents: contents.map(contentOf) };
  const follows = {
    ...{ id: request.id, timestamp: request.timestamp },
    ...stepsIn(plannedSteps(request, manifest)),
    contents: contentsPlanned(request, manifest),
  };
  if (isDeepStrictEqual(named, follows)) return undefined;
  return {
    code: 'not-proven',
    object: formatKey({ kind: 'restore-plan', restore: request.id }),
    message:
      'the plan of the restore does not follow from its request and the proven set: another program has changed it, or a function of another version has written it',
  };
}

type Steps = ReturnType<typeof plannedSteps>;

const stepsIn = ({ phases, load, map, count, objects }: Steps) => ({
  ...{ phases, load, map, count, objects },
});

const contentOf = ({ content }: { readonly content: number }) => content;
