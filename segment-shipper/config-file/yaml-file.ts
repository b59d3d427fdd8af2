import { readFile } from 'node:fs/promises';
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { withoutSecrets } from '../../backup-set/messages/secrets.ts';

/** A place in a configuration file. */
export interface Place {
  readonly line: number;
  readonly column: number;
  /** The line, with what may be a secret left out. */
  readonly text: string;
}

/** A configuration file: its values, and where each of them stands. */
export interface YamlFile {
  readonly path: string;
  readonly values: Record<string, unknown>;
  /** Why it is no YAML; `values` then has what could be read. */
  readonly mistakes: readonly { readonly message: string; readonly place: Place }[];
  /** Where a value stands, or the mapping that lacks it; with `key`, where its key stands. */
  placeOf(path: readonly PropertyKey[], key?: string): Place;
}

/** @throws StowageError `config/missing` when the file cannot be read. */
export async function readYamlFile(path: string, what = 'configuration file'): Promise<YamlFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new StowageError(
      'config/missing',
      isAbsent
        ? `${what} ${path} does not exist`
        : `cannot read ${what} ${path}: ${messageOf(cause)}`,
      { cause },
    );
  }
  return parseYaml(path, text);
}

/** The values of a text of YAML. Never throws: what is wrong is in `mistakes`. */
export function parseYaml(path: string, text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.min(offset, text.trimEnd().length));
    return { line: Math.max(1, line), column: Math.max(1, col), text: lineOf(text, line) };
  };
  const mistakes = document.errors.map(({ message, pos }) => ({
    message: withoutSecrets(message.split('\n')[0]?.replace(/:$/, '') ?? ''),
    place: at(pos[0]),
  }));
  const values = valuesOf(document);
  if (values === undefined && mistakes.length === 0)
    mistakes.push({ message: 'must be a YAML mapping (field: value)', place: at(0) });
  return {
    path,
    values: values ?? {},
    mistakes,
    placeOf: (field, key) => at(offsetOf(document, field, key)),
  };
}

function valuesOf(document: Document.Parsed): Record<string, unknown> | undefined {
  try {
    const values: unknown = document.toJS() ?? {};
    return typeof values === 'object' && values !== null && !Array.isArray(values)
      ? (values as Record<string, unknown>)
      : undefined;
  } catch {
    // An alias without an anchor; it is among the errors.
    return undefined;
  }
}

/** Of a value that is missing, the offset of the nearest mapping or list that is there. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], key?: string): number {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown =
      length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (!isNode(node) || node.range == null) continue;
    const own = length === path.length && key !== undefined ? keyOffset(node, key) : undefined;
    return own ?? node.range[0];
  }
  return 0;
}

function keyOffset(node: Node, key: string): number | undefined {
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key: own }) => isScalar(own) && String(own.value) === key);
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}

const LINE_CHARS_MAX = 120;

function lineOf(text: string, line: number): string {
  const whole = withoutSecrets(text.split(/\r?\n/)[line - 1] ?? '');
  return whole.length > LINE_CHARS_MAX ? `${whole.slice(0, LINE_CHARS_MAX)}…` : whole;
}
