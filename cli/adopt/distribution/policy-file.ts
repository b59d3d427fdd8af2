import { wrongFlag } from '../adopt-set.ts';
import { unquoted } from '../script/copy-statement.ts';

/** How Greenplum distributes the rows of a table. */
export type Policy =
  | { readonly kind: 'by'; readonly columns: readonly string[] }
  | { readonly kind: 'randomly' }
  | { readonly kind: 'replicated' };

export interface NamedPolicy {
  readonly schema: string;
  readonly table: string;
  readonly policy: Policy;
  readonly line: number;
}

const NAME = '(?:[a-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*|"(?:[^"]|"")+")';
const LINE = new RegExp(
  `^(${NAME})\\.(${NAME})\\s+DISTRIBUTED\\s+(?:BY\\s*\\((\\s*${NAME}(?:\\s*,\\s*${NAME})*\\s*)\\)|(RANDOMLY)|(REPLICATED))\\s*;?$`,
  'iu',
);
const NAMES = new RegExp(NAME, 'gu');

/**
 * One table a line, as Greenplum writes it: `public.orders DISTRIBUTED BY (customer, id)`,
 * `… DISTRIBUTED RANDOMLY`, `… DISTRIBUTED REPLICATED`. A line that begins with `#` is a comment.
 * @throws StowageError `usage/flag`
 */
export function parsePolicies(text: string, file: string): readonly NamedPolicy[] {
  return text.split('\n').flatMap((whole, at) => {
    const line = whole.trim();
    if (line === '' || line.startsWith('#')) return [];
    const [, schema, table, columns, randomly] = LINE.exec(line) ?? [];
    if (schema === undefined || table === undefined)
      throw wrongFlag(
        'distributed-by',
        `line ${at + 1} of ${file} is not \`schema.table DISTRIBUTED BY (column, …)\`, \`… RANDOMLY\` or \`… REPLICATED\`: ${JSON.stringify(line.slice(0, 80))}`,
      );
    const by = columns?.match(NAMES)?.map(unquoted);
    const policy: Policy =
      by !== undefined
        ? { kind: 'by', columns: by }
        : { kind: randomly === undefined ? 'replicated' : 'randomly' };
    return [{ schema: unquoted(schema), table: unquoted(table), policy, line: at + 1 }];
  });
}
