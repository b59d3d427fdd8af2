import { decode, type RawDocument, sha256 } from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { parse } from '../../backup-set/documents/pinned.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import { checkSet } from '../check/set.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';

/** The damaged set, and the root of a good copy. */
export interface RepairRoots {
  readonly to: Deps;
  readonly from: Deps;
}

/** The manifest that says what the set must hold. */
export interface Reference {
  readonly manifest: Manifest;
  readonly raw: RawDocument;
}

/**
 * The manifest of both roots, where they have the same. Otherwise that of the copy, when the copy's
 * own documents prove it and the damaged set has a plan or seal in common with it.
 * @throws StowageError `set/incomplete`, `set/damaged`.
 */
export async function referenceManifest(
  { to, from }: RepairRoots,
  timestamp: string,
): Promise<Reference> {
  const key = formatKey({ kind: 'manifest', timestamp });
  const raw = await readDocument(from, key);
  const where = { set: timestamp };
  if (raw === undefined)
    throw new StowageError(
      'set/incomplete',
      `the set ${timestamp} under ${from.store.url} has no manifest: choose the root of a complete copy with --from`,
      { where },
    );
  const read = parse(Manifest, raw);
  if (!read.ok)
    throw new StowageError(
      'set/damaged',
      `the copy under ${from.store.url} is damaged, too: ${describeProblem(read.failure)}`,
      { where },
    );
  const reference = { manifest: read.value, raw };
  const own = await readDocument(to, key);
  if (own !== undefined && Buffer.compare(own.bytes, raw.bytes) === 0) return reference;
  await requireSameSet(to, reference);
  const { documents } = await checkSet(from, timestamp, raw);
  const [problem] = documents.problems;
  if (problem === undefined) return reference;
  throw new StowageError(
    'set/damaged',
    `the manifests under both roots differ, and the documents under ${from.store.url} do not prove theirs: ${describeProblem(problem)}`,
    { where },
  );
}

/** Two clusters can have made sets in the same second: their documents must never be mixed. */
async function requireSameSet(to: Deps, { manifest }: Reference): Promise<void> {
  const { timestamp, proof } = manifest;
  const plan = await readDocument(to, formatKey({ kind: 'plan', timestamp }));
  const seal = await readDocument(to, formatKey({ kind: 'seal', timestamp }));
  if (plan !== undefined && sha256(plan.bytes) === proof.planSha256) return;
  if (seal !== undefined && sha256(seal.bytes) === proof.sealSha256) return;
  if (plan !== undefined && namesTheBackupOf(manifest, plan)) return;
  throw new StowageError(
    'set/damaged',
    `nothing under ${to.store.url} shows that its set ${timestamp} is the one of the copy: neither plan, seal nor manifest is the same. To get the whole set, copy it to a new root with \`stowage copy\``,
    { where: { set: timestamp } },
  );
}

/** The plan was altered, but is still the plan of this backup. */
function namesTheBackupOf(manifest: Manifest, raw: RawDocument): boolean {
  try {
    const { cluster, root, startedAt } = decode(Plan, raw);
    return (
      cluster === manifest.cluster && root === manifest.root && startedAt === manifest.startedAt
    );
  } catch {
    return false;
  }
}
