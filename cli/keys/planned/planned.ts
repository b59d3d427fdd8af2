import { isDeepStrictEqual } from 'node:util';
import { encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { contentsPlanned, plannedSteps } from '../../../backup-set/restore/plan.ts';
import type { RestoreRun } from '../../restore/run.ts';

type Planned = Pick<RestoreRun, 'manifest' | 'manifestSha256' | 'request' | 'plan'> & {
  readonly context: Pick<RestoreRun['context'], 'keys' | 'signingKey'>;
};

/**
 * Says that the plan of a restore was made from another manifest than the one that this command has
 * read. Of an encrypted set, and where the command signs orders, also that it does not follow from
 * our request and the manifest: a plan without a phase, a content or the counts would restore less.
 * Undefined: it does.
 */
export function planProblem(run: Planned): Problem | undefined {
  const { manifest, manifestSha256, plan, request } = run;
  const { keys, signingKey } = run.context;
  const isEncrypted = keys !== undefined;
  // Also the bytes that the key of the set proves: other ones can have more fields.
  const isOther = isEncrypted && plan.manifestSha256 !== sha256(encode(Manifest, manifest));
  if (isOther || plan.manifestSha256 !== manifestSha256) {
    const { timestamp } = manifest;
    return {
      code: 'not-proven',
      object: formatKey({ kind: 'manifest', timestamp }),
      message: `the restore was planned from another manifest than the one that ${isEncrypted ? 'the key of the set proves' : 'the command has read'}: it was replaced in between`,
    };
  }
  if (!isEncrypted && signingKey === undefined) return undefined;
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
