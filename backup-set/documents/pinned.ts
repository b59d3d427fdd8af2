import type * as z from 'zod';
import { decodeAnywhere, type RawDocument, sha256 } from '../base/document.ts';
import { isStowageError, messageOf } from '../base/errors.ts';
import { misplacedField } from '../base/keys/misplaced.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Problem } from '../base/verdict.ts';

/** Why a document is rejected. */
type Fault = 'missing' | 'ambiguous' | 'altered' | 'unreadable' | 'misplaced';

const CODES: Readonly<Record<Fault, Problem['code']>> = {
  missing: 'object-missing',
  ambiguous: 'documents-disagree',
  altered: 'documents-disagree',
  unreadable: 'document-unreadable',
  misplaced: 'documents-disagree',
};

/** Where a document must be, and what makes it the right one. */
export interface Expected<Document> {
  readonly key: string;
  /** Fields that the document must have beside those that its key names. */
  readonly fields?: Partial<Document>;
  /** The digest of the document, and the document that states it; absent = any bytes will do. */
  readonly pin?: { readonly sha256: string; readonly by: string } | undefined;
  /** Problem codes to report instead of the usual ones. */
  readonly codes?: Partial<Record<Fault, Problem['code']>> | undefined;
  /** The content to name in the problem. */
  readonly content?: number | undefined;
}

/**
 * Reads a document that another one relies on: it is there, there is only one, its digest is the
 * pinned one, it can be parsed, and its fields match its key.
 * @param candidates what was read: none, one, or several if the key gave different bytes. Documents
 * with another key are ignored.
 */
export function readPinned<Schema extends z.ZodType<object>>(
  schema: Schema,
  candidates: readonly RawDocument[],
  expected: Expected<z.output<Schema>>,
): Result<z.output<Schema>, Problem> {
  const { key, fields = {}, pin, content } = expected;
  const fail = (fault: Fault, message: string) =>
    failure<Problem>({
      code: expected.codes?.[fault] ?? CODES[fault],
      ...(content === undefined ? {} : { content }),
      object: key,
      message,
    });
  const [raw, other] = candidates.filter((candidate) => candidate.key === key);
  if (raw === undefined)
    return fail(
      'missing',
      pin ? `the document is missing, but the ${pin.by} lists it` : 'the document is missing',
    );
  if (other !== undefined)
    return fail('ambiguous', 'two reads of this key returned different bytes');
  if (pin !== undefined && sha256(raw.bytes) !== pin.sha256)
    return fail('altered', `the SHA-256 of the document differs from the one in the ${pin.by}`);
  const document = parse(schema, raw);
  if (!document.ok) {
    const { code, message } = document.failure;
    return fail(code === CODES.misplaced ? 'misplaced' : 'unreadable', message);
  }
  const wrong = firstDifference<object>(document.value, fields);
  return wrong === undefined ? document : fail('misplaced', wrong);
}

/** Parses a document, or says why it cannot be parsed, or is not the one that its key names. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  raw: RawDocument,
): Result<z.output<Schema>, Problem> {
  const object = raw.key;
  try {
    const document = decodeAnywhere(schema, raw);
    const wrong = misplacedField(object, document);
    if (wrong === undefined) return success(document);
    return failure({ code: CODES.misplaced, object, message: wrong.message });
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return failure({ code: CODES.unreadable, object, message: messageOf(error) });
  }
}

function firstDifference<Document extends object>(
  document: Document,
  fields: Partial<Document>,
): string | undefined {
  const actual = new Map<string, unknown>(Object.entries(document));
  const different = Object.entries(fields).find(([field, value]) => actual.get(field) !== value);
  if (different === undefined) return undefined;
  const [field, value] = different;
  return `field ${field} of the document is ${String(actual.get(field))} instead of ${String(value)}`;
}
