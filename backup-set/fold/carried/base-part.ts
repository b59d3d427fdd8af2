import type { DocumentIndex } from '../../base/document.ts';
import { formatKey } from '../../base/keys.ts';
import { failure, type Result, success } from '../../base/result.ts';
import type { Problem } from '../../base/verdict.ts';
import { ManifestPart } from '../../documents/manifest.ts';
import { readPinned } from '../../documents/pinned.ts';
import type { Plan, PlannedContent } from '../../documents/plan.ts';
import type { SealedCounts } from '../relations.ts';

/** What the checks of carried rows know of a content. */
export interface Carrying {
  readonly plan: Pick<Plan, 'timestamp' | 'base' | 'relations' | 'snapshot'>;
  readonly planned: PlannedContent;
  readonly counts: SealedCounts;
}

/** The extents of the base, by number, each of them to be used once. */
export interface Numbered {
  readonly part: ManifestPart;
  /** The number of the first extent of each pack, and at the end the number of all extents. */
  readonly starts: readonly number[];
  readonly isUsed: Uint8Array;
}

/** base/<content>.json, if it is the part that the plan pins. */
export function readBasePart(
  { plan: { timestamp, base }, planned: { content, base: pinned } }: Carrying,
  documents: DocumentIndex,
): Result<Numbered, Problem> {
  const key = formatKey({ kind: 'base-part', timestamp, content });
  if (base === undefined || pinned === undefined) {
    const message = 'the content has carried rows, but the plan gives it no base';
    return failure({ code: 'documents-disagree', content, object: key, message });
  }
  const part = readPinned(ManifestPart, documents.get(key) ?? [], {
    key,
    fields: { timestamp: base.timestamp, content },
    pin: { sha256: pinned.sha256, by: 'plan' },
    content,
  });
  return part.ok ? success(numbered(part.value)) : part;
}

function numbered(part: ManifestPart): Numbered {
  const starts = [0];
  for (const { extents } of part.packs) starts.push((starts.at(-1) ?? 0) + extents.length);
  return { part, starts, isUsed: new Uint8Array(starts.at(-1) ?? 0) };
}
