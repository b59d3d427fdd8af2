import { StowageError } from '../../backup-set/base/errors.ts';
import { type SequenceValue, sequenceStatement } from '../catalog/sequences.ts';
import type { Session } from '../session/session.ts';
import { batches } from './batches.ts';

/** Longer than the longest name makes it, so that the pattern below reads no long text. */
const STATEMENT_CHARS_MAX = 2000;
const STATEMENT =
  /^SELECT pg_catalog\.setval\((?:'((?:[^'\\]|'')+)'|E'((?:[^'\\]|''|\\[\\nr])+)')::regclass, (-?\d{1,19}), (true|false)\);$/;
const QUALIFIED = /^"((?:[^"]|"")+)"\."((?:[^"]|"")+)"$/;
const SHOWN_CHARS_MAX = 60;

/**
 * Reads sequences.sql of a set: only statements that `sequenceStatement` has written, so that no
 * text of a set runs as SQL.
 * @throws StowageError `set/unreadable` with line and object when there is anything else.
 */
export function parseSequenceValues(sequences: string, object: string): SequenceValue[] {
  const lines = sequences.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((text, index) => {
    const value = parseStatement(text);
    if (value !== undefined) return value;
    const shown = JSON.stringify(text.slice(0, SHOWN_CHARS_MAX));
    const message = `line ${index + 1} of the sequences ${object} was refused: ${shown} is not the statement that sets a sequence`;
    throw new StowageError('set/unreadable', message, { where: { object } });
  });
}

function parseStatement(text: string): SequenceValue | undefined {
  const [, plain, escaped, value, called] =
    (text.length <= STATEMENT_CHARS_MAX ? STATEMENT.exec(text) : undefined) ?? [];
  const literal =
    plain?.replaceAll("''", "'") ??
    escaped?.replaceAll(/''|\\(.)/g, (_, char?: string) => ESCAPED[char ?? "'"] ?? '');
  const [, schema, name] = QUALIFIED.exec(literal ?? '') ?? [];
  if (schema === undefined || name === undefined || value === undefined) return undefined;
  return {
    schema: schema.replaceAll('""', '"'),
    name: name.replaceAll('""', '"'),
    value,
    called: called === 'true',
  };
}

const ESCAPED: Readonly<Record<string, string>> = { "'": "'", '\\': '\\', n: '\n', r: '\r' };

/** Sets sequences, many in one round trip. @throws StowageError as `Session.query`. */
export async function setSequences(
  session: Session,
  values: readonly SequenceValue[],
): Promise<void> {
  for (const batch of batches(values)) await session.query(batch.map(sequenceStatement).join(' '));
}
