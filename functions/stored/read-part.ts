import { formatKey } from '../../backup-set/base/keys.ts';
import type { Result } from '../../backup-set/base/result.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import {
  type Manifest,
  type ManifestPart,
  pinnedManifestPart,
} from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from './load.ts';

/**
 * One content's part of a manifest, or the problem that it is not the one that the manifest pins.
 */
export async function readPart(
  deps: Deps,
  manifest: Manifest,
  content: number,
): Promise<Result<ManifestPart, Problem>> {
  const { timestamp } = manifest;
  const named = manifest.contents.find((candidate) => candidate.content === content);
  const key = formatKey({ kind: 'manifest-part', timestamp, content });
  // Not read when it is larger than the manifest says: then it is not the pinned part.
  const raw = named && (await readDocument(deps, key, named.part.bytes));
  return pinnedManifestPart(manifest, content, raw);
}
