import { requireLiving } from '../../../functions/retention/marks.ts';
import { rememberedMetadata } from '../../../segment-shipper/read/remembered-metadata.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { rememberedReads } from '../../../storage/wrapped/remembered-reads.ts';
import { onlyContents, requireContents } from '../../cluster/chosen-contents.ts';
import { asOneServer, intoOneServer } from '../../cluster/one-server.ts';
import { requireTargetCluster } from '../../cluster/require.ts';
import type { ClusterContext } from '../../context.ts';
import { convertedSet } from '../../gpbackup-plugin/convert/converted-set.ts';
import { signingKeyFor } from '../../keys/for-agents/signed-restore.ts';
import { requireOwnRequest, withRequestMac } from '../../keys/planned/request-mac.ts';
import { provenKeys } from '../../keys/proven-keys.ts';
import { findSet } from '../../set-name.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { intoOwnDatabase } from '../command/own-database.ts';
import { targetNames } from '../expected.ts';
import { withMap } from '../mapped/prepare.ts';
import { onlyTargets, resolvedMap } from '../mapped/target.ts';
import { newRequest, type RestoreOptions, readManifest, requireAskedManifest } from '../request.ts';
import type { TargetCheck } from '../target-check/target-check.ts';
import { type ResumeOptions, resolveOptions } from './resume.ts';

/** The command and its inline functions read the same documents: up to this size they are kept. */
const DOCUMENTS_KEPT_BYTES_MAX = 32 * 1024 * 1024;

interface Prepared {
  readonly check: TargetCheck;
  readonly options: RestoreOptions;
  readonly manifestSha256: string;
}

/** The set, its target and the request, which is not stored yet. */
export async function prepare(
  given: ClusterContext,
  opened: ObjectStore,
  asked: RestoreOptions | ResumeOptions,
  mayConvert: boolean,
): Promise<Prepared> {
  // The archives are read before the restore, to see what they need, and after it.
  const store = rememberedMetadata(rememberedReads(opened, DOCUMENTS_KEPT_BYTES_MAX));
  const { context: whole, options, resumed } = await resolveOptions(given, store, asked);
  const chosen =
    options.map === undefined
      ? onlyContents(whole, options.contents)
      : onlyTargets(whole, options.map);
  const found = await findSet(given, store, options.set);
  await requireLiving(functionDeps(given, store), found);
  const stored = await readManifest(given, store, found);
  requireAskedManifest(options, stored);
  const isConverted = stored.manifest.files !== undefined;
  const timestamp = isConverted
    ? await convertedSet(given, opened, stored.manifest, mayConvert)
    : found;
  const used = isConverted ? await readManifest(given, store, timestamp) : stored;
  const { manifest, manifestSha256 } = used;
  requireContents(options, manifest);
  const map = resolvedMap(options, manifest);
  const own = intoOwnDatabase(await intoOneServer(chosen, manifest), manifest, options);
  const keys = await provenKeys(given, functionDeps(given, store), manifest);
  if (resumed !== undefined) requireOwnRequest(resumed, keys);
  const signingKey = await signingKeyFor(given, store, { resumed, keys });
  const context = { ...own, keys, signingKey };
  const accepts = options.acceptCluster === true;
  const segments = await requireTargetCluster(context, manifest, {
    accepts,
    ...(map && { map }),
  });
  const plain = asOneServer(newRequest(context, segments, timestamp, options), manifest);
  const withRules = await withMap({ context, store, manifest }, plain, map, options);
  const [request, mapped] = [withRequestMac(withRules.request, keys), withRules.mapped];
  // Refuses names that what is chosen cannot have.
  targetNames(request, manifest);
  const check = { context, store, segments, request, manifest, mapped };
  return { check, options, manifestSha256 };
}
