import { encode, type RawDocument } from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../../functions/deps.ts';
import { foldHeads, loadHeads } from '../../functions/stored/fold.ts';
import type { HeldKeys } from './held.ts';
import { sealFault } from './seal-macs.ts';

/**
 * Proves that the manifest of an encrypted set follows from what its coordinator sealed: frames
 * cannot be forged, but without this check documents that name older or other frames could be.
 * Reads plan, seal and receipts, no rows.
 * @throws StowageError `set/damaged` naming the document.
 */
export async function requireProven(
  deps: Deps,
  manifest: Manifest,
  { setKey }: Pick<HeldKeys, 'setKey'>,
): Promise<void> {
  const { timestamp } = manifest;
  const fault = await proofFault(deps, manifest, (seal) => sealFault(setKey, seal));
  if (fault === undefined) return;
  const { object, why } = fault;
  throw new StowageError('set/damaged', `set ${timestamp}: ${object}: ${why}`, {
    where: { set: timestamp, object },
  });
}

/** Which document of a set is not proven. */
export interface ProofFault {
  readonly object: string;
  readonly why: string;
}

/**
 * Folds what the seal of a set pins, and compares the result with the manifest. Costs as much as
 * `validate`: plan, seal with its parts, receipts, and the parts of the base.
 * @param ofSeal what is wrong with the mac of the seal.
 */
export async function proofFault(
  deps: Deps,
  manifest: Manifest,
  ofSeal: (seal: RawDocument) => string | undefined,
): Promise<ProofFault | undefined> {
  const { timestamp } = manifest;
  const fault = (kind: 'seal' | 'manifest', why: string): ProofFault => ({
    object: formatKey({ kind, timestamp }),
    why,
  });
  const heads = await loadHeads(deps, timestamp);
  if (heads.seal === undefined)
    return fault('seal', 'it is missing, so nothing proves the manifest');
  const seal = ofSeal(heads.seal);
  if (seal !== undefined) return fault('seal', seal);
  const folded = await foldHeads(deps, timestamp, heads);
  if (folded.status !== 'complete') {
    const [first] = folded.problems;
    const why = first === undefined ? folded.status : describeProblem(first);
    return fault('manifest', `the sealed documents do not give a complete set: ${why}`);
  }
  return Buffer.from(folded.bytes).equals(encode(Manifest, manifest))
    ? undefined
    : fault('manifest', 'it does not follow from the sealed receipts');
}
