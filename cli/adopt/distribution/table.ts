import type { SqlToken } from '../../../database/rename/lexer.ts';
import { unquoted } from '../script/copy-statement.ts';
import { tokensOf } from '../script/tokens-of.ts';

/** What a `CREATE TABLE` of pg_dump says, in one character per byte (latin1). */
export interface TableText {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** As written: `s.parent`. */
  readonly parents: readonly { readonly schema: string; readonly name: string }[];
  readonly isPartitioned: boolean;
  /** Greenplum has written it. */
  readonly isDistributed: boolean;
}

/** Behind the parentheses of the columns. */
const AFTER_TYPE = [
  'DEFAULT',
  'NOT',
  'NULL',
  'COLLATE',
  'GENERATED',
  'CONSTRAINT',
  'CHECK',
  'OPTIONS',
];

/** Undefined: it is no list of columns. */
export function readTable(definition: string): TableText | undefined {
  const tokens = tokensOf(definition);
  const open = tokens.findIndex(({ text }) => text === '(');
  if (open === -1) return undefined;
  const columns: { name: string; type: string }[] = [];
  let [depth, at] = [0, open];
  for (; at < tokens.length; at++) {
    const { text = '' } = tokens[at] ?? {};
    if (text === '(') depth += 1;
    else if (text === ')') depth -= 1;
    if (depth === 0) break;
    const isFirst = depth === 1 && (at === open || text === ',');
    const name = tokens[at + 1];
    if (!isFirst || name === undefined || name.text === ')' || name.text === 'CONSTRAINT') continue;
    columns.push({ name: plain(name), type: typeBehind(tokens, at + 2) });
  }
  const tail: string[] = [];
  const end = tokens.findIndex(({ text }, place) => place > at && text === ';');
  for (const { text } of tokens.slice(at + 1, end === -1 ? undefined : end)) tail.push(text);
  return {
    columns,
    parents: parentsIn(tokens.slice(at + 1, end === -1 ? undefined : end)),
    isPartitioned: tail.some((text, place) => text === 'PARTITION' && tail[place + 1] === 'BY'),
    isDistributed: tail.includes('DISTRIBUTED'),
  };
}

function typeBehind(tokens: readonly SqlToken[], start: number): string {
  const words: string[] = [];
  for (let at = start; at < tokens.length; at++) {
    const { text = '' } = tokens[at] ?? {};
    if ([',', ')', '(', '['].includes(text) || AFTER_TYPE.includes(text)) {
      if (text === '[') words.push('[]');
      break;
    }
    words.push(text);
  }
  return words.join(' ');
}

/** `INHERITS (s.a, s.b)` */
function parentsIn(tail: readonly SqlToken[]) {
  if (tail[0]?.text !== 'INHERITS') return [];
  const close = tail.findIndex(({ text }) => text === ')');
  const parents: { schema: string; name: string }[] = [];
  for (let at = 2; at < close; at += 1) {
    const [first, dot, second] = tail.slice(at, at + 3);
    if (first === undefined || dot?.text !== '.' || second === undefined) continue;
    parents.push({ schema: plain(first), name: plain(second) });
    at += 3;
  }
  return parents;
}

/** The columns of `UNIQUE (a, b)`; undefined: it has expressions or is no such constraint. */
export function keyColumns(statement: string): readonly string[] | undefined {
  const tokens = tokensOf(statement);
  const words = ['UNIQUE', 'KEY'];
  const isIndex = tokens[0]?.text === 'CREATE' && tokens[1]?.text === 'UNIQUE';
  const at = isIndex
    ? tokens.findIndex(({ text }) => text === 'USING')
    : tokens.findIndex(({ kind, text }) => kind === 'word' && words.includes(text));
  const open = tokens.findIndex(({ text }, place) => place > at && text === '(');
  if (at === -1 || open === -1) return undefined;
  const columns: string[] = [];
  for (let place = open + 1; place < tokens.length; place += 2) {
    const [name, next] = tokens.slice(place, place + 2);
    if (name === undefined || (name.kind !== 'word' && name.kind !== 'name')) return undefined;
    columns.push(plain(name));
    if (next?.text === ')') return columns;
    if (next?.text !== ',') return undefined;
  }
  return undefined;
}

/** The relation behind `ALTER TABLE [ONLY]`, or `ON [ONLY]` of an index. */
export function relationIn(statement: string) {
  const tokens = tokensOf(statement);
  const at = tokens.findIndex(({ kind, text }) => kind === 'word' && /^(?:TABLE|ON)$/.test(text));
  const first = tokens[at + 1]?.text === 'ONLY' ? at + 2 : at + 1;
  const [schema, dot, name] = tokens.slice(first, first + 3);
  if (at === -1 || schema === undefined) return undefined;
  if (dot?.text !== '.' || name === undefined) return { schema: '', name: plain(schema) };
  return { schema: plain(schema), name: plain(name) };
}

const plain = ({ kind, text }: SqlToken) => (kind === 'name' ? unquoted(text) : text);
