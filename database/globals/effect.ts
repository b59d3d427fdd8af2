import type { Token } from './tokens.ts';

/** What a statement of the globals does to a role or tablespace. Names are as written. */
export type Effect =
  | { readonly kind: 'makes' | 'changes'; readonly object: ObjectKind; readonly name: string }
  /** Adds a member to a role; `mayTake`: it can also change an option of an older membership. */
  | {
      readonly kind: 'joins';
      readonly role: string;
      readonly member: string;
      readonly mayTake: boolean;
    }
  /** A setting of a role in one database: a property of the database. */
  | { readonly kind: 'in-database'; readonly database: string }
  | { readonly kind: 'other' };

export type ObjectKind = 'ROLE' | 'TABLESPACE' | 'PARAMETER';

/** CREATE TABLESPACE and resource groups cannot be part of a transaction. */
const NOT_IN_TRANSACTION = new Set(['TABLESPACE', 'RESOURCE']);

export function mayBeInTransaction([, second]: readonly Token[]): boolean {
  return !NOT_IN_TRANSACTION.has(second?.text.toUpperCase() ?? '');
}

/** @param tokens one statement of a kind that pg_dumpall writes. */
export function effectOf(tokens: readonly Token[]): Effect {
  const words = tokens.map(({ text }) => text.toUpperCase());
  const nameAt = (at: number) => tokens[at]?.text ?? '';
  const [first, second = '', third] = words;
  if (first === 'ALTER' && second === 'ROLE' && words[3] === 'IN')
    return { kind: 'in-database', database: nameAt(5) };
  if (first === 'GRANT' && third === 'TO')
    return {
      kind: 'joins',
      role: nameAt(1),
      member: nameAt(3),
      mayTake: words.includes('FALSE'),
    };
  if ((first === 'CREATE' || first === 'ALTER') && isKind(second))
    return { kind: first === 'CREATE' ? 'makes' : 'changes', object: second, name: nameAt(2) };
  if (first === 'COMMENT' || first === 'SECURITY' || first === 'REVOKE') {
    const on = words.indexOf('ON');
    const object = words[on + 1] ?? '';
    if (isKind(object)) return { kind: 'changes', object, name: nameAt(on + 2) };
  }
  return { kind: 'other' };
}

function isKind(word: string): word is ObjectKind {
  return word === 'ROLE' || word === 'TABLESPACE' || word === 'PARAMETER';
}
