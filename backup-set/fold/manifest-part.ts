import { type RawDocument, sha256 } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import type { Problem } from '../base/verdict.ts';
import { type Manifest, ManifestPart } from '../documents/manifest.ts';
import { read } from './fold.ts';

/** One content's part of a manifest, if what was read is the very one that the manifest pins. */
export function manifestPartIn(
  { timestamp, contents }: Pick<Manifest, 'timestamp' | 'contents'>,
  content: number,
  raw: RawDocument | undefined,
): ManifestPart | Problem {
  const object = formatKey({ kind: 'manifest-part', timestamp, content });
  const problem = (code: Problem['code'], message: string): Problem => ({
    code,
    content,
    object,
    message,
  });
  const named = contents.find((candidate) => candidate.content === content);
  if (named === undefined) return problem('documents-disagree', 'the manifest has no such content');
  if (raw === undefined)
    return problem('object-missing', 'the manifest names this part of it; it is not there');
  if (sha256(raw.bytes) !== named.part.sha256)
    return problem('documents-disagree', 'its digest is not the one in the manifest');
  const part = read(ManifestPart, raw);
  if ('problem' in part) return { ...part.problem, content };
  if (part.value.timestamp !== timestamp || part.value.content !== content)
    return problem('documents-disagree', 'its fields belong to another key');
  return part.value;
}
