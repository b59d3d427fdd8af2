import type { DocumentIndex } from './documents.ts';
import { readReceipts } from './fold-receipts.ts';
import { countRelations } from './fold-relations.ts';
import type { ManifestContent } from './manifest.ts';
import type { PlannedContent, Relation } from './plan.ts';
import { type Receipt, type StoredAs, storedAs } from './receipt.ts';
import type { Seal, SealedContent } from './seal.ts';
import type { Problem } from './verdict.ts';

/** One segment of a set: its share of the manifest, or why it has none. */
export interface CountedContent {
  readonly content?: ManifestContent;
  readonly problems: readonly Problem[];
}

/** Holds one content's receipts against the plan and the seal. */
export function countContent(
  timestamp: string,
  named: ReadonlyMap<number, Relation>,
  planned: PlannedContent,
  seal: Seal,
  receipts: DocumentIndex,
): CountedContent {
  const { content } = planned;
  const sealed = seal.contents.filter((candidate) => candidate.content === content);
  const [only] = sealed;
  if (only === undefined || sealed.length > 1) {
    return {
      problems: [{ code: 'content-missing', content, message: `sealed ${sealed.length} times, not once` }],
    };
  }
  const counted = readReceipts(timestamp, only, receipts);
  const relations = countRelations(named, planned, only, counted);
  const metadata = countMetadata(planned, counted.receipts);
  const problems = [...counted.problems, ...relations.problems, ...metadata.problems];
  if (problems.length > 0) return { problems };
  const { host, port, serverVersion, encoding, locale, refresh } = planned;
  return {
    problems,
    content: {
      content,
      host,
      port,
      serverVersion,
      encoding,
      ...(locale && { locale }),
      refresh,
      metadata: metadata.files,
      relations: relations.counts,
      packs: packsThatCount(only, counted.receipts),
    },
  };
}

/** Every file of the plan has one receipt, and every sealed file is one of the plan's. */
function countMetadata({ content, metadata }: PlannedContent, receipts: readonly Receipt[]) {
  const sealed = receipts.filter((receipt) => receipt.kind === 'metadata');
  const problems: Problem[] = [];
  for (const file of metadata) {
    const found = sealed.filter((receipt) => receipt.file === file).length;
    if (found === 1) continue;
    const message = `${found} sealed receipts for ${file}, not one`;
    problems.push({ code: found === 0 ? 'metadata-missing' : 'documents-disagree', content, message });
  }
  for (const { file, object } of sealed) {
    if (metadata.includes(file)) continue;
    const message = `the seal counts ${file}, which the plan does not give to this content`;
    problems.push({ code: 'documents-disagree', content, object: object.key, message });
  }
  const files = sealed.map(({ file, object }) => ({ ...storedAs(object), file })).sort(byKey);
  return { files, problems };
}

/** Packs with only the extents whose attempt counts; a pack with none is left out. */
function packsThatCount(sealed: SealedContent, receipts: readonly Receipt[]): ManifestContent['packs'] {
  const attemptOf = new Map(sealed.relations.map(({ relation, attempt }) => [relation, attempt]));
  return receipts
    .filter((receipt) => receipt.kind === 'pack')
    .map(({ object, extents, attempt }) => ({
      ...storedAs(object),
      extents: extents.filter(({ relation }) => attemptOf.get(relation) === attempt),
    }))
    .filter(({ extents }) => extents.length > 0)
    .sort(byKey);
}

/** By code units, as the manifest's order must not depend on a locale; no two objects have one key. */
const byKey = (a: StoredAs, b: StoredAs) => (a.key < b.key ? -1 : 1);
