import { readFile } from 'node:fs/promises';

/** One row of the table in docs/security.md: names of classes of keys, with groups expanded. */
export interface RightsRow {
  readonly role: string;
  readonly reads: ReadonlySet<string>;
  readonly creates: ReadonlySet<string>;
  readonly overwrites: ReadonlySet<string>;
  readonly deletes: ReadonlySet<string>;
  readonly lists: ReadonlySet<string>;
  readonly endsUploads: ReadonlySet<string>;
  readonly publishes: boolean;
  /** The retention of objects; a legal hold is set, and is lifted. */
  readonly extends: ReadonlySet<string>;
  readonly holds: ReadonlySet<string>;
  readonly releases: ReadonlySet<string>;
}

export interface SecurityPage {
  /** The classes of keys that the page defines. */
  readonly classes: readonly string[];
  readonly rows: readonly RightsRow[];
}

/**
 * Reads docs/security.md. @throws when a cell is neither a dash nor a list of classes and groups.
 */
export async function readSecurityPage(): Promise<SecurityPage> {
  const text = await readFile(new URL('../../../docs/security.md', import.meta.url), 'utf8');
  const explained = linesOf(text, '## The keys');
  const folders = new Map(
    explained.map(([name = '', keys = '']) => [unquoted(name), /^`(\w+)\//.exec(keys)?.[1] ?? '']),
  );
  const classes = [...folders.keys()];
  const cell = (words = '') => new Set(names(words).flatMap((name) => membersOf(name, folders)));
  const rows = linesOf(text, '## Rights of each role').map((cells) => {
    const [role = '', , reads, creates, overwrites, deletes, ...more] = cells;
    const [lists, endsUploads, publishes, extended, holds, releases] = more;
    return {
      role: unquoted(role),
      reads: cell(reads),
      creates: cell(creates),
      overwrites: cell(overwrites),
      deletes: cell(deletes),
      lists: cell(lists),
      endsUploads: cell(endsUploads),
      publishes: publishes === 'yes',
      extends: cell(extended),
      holds: cell(holds),
      releases: cell(releases),
    };
  });
  return { classes, rows };
}

/** The cells of the first table below a heading, without the header. */
function linesOf(text: string, heading: string): string[][] {
  const lines = text.slice(text.indexOf(heading)).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const table = lines.slice(first, lines.indexOf('', first));
  return table.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function names(cell: string): string[] {
  if (cell === '–') return [];
  if (!/^`[\w-]+`(, `[\w-]+`)*$/.test(cell)) throw new Error(`not a list of classes: ${cell}`);
  return cell.split(', ').map(unquoted);
}

function membersOf(name: string, folders: ReadonlyMap<string, string>): string[] {
  const classes = [...folders.keys()];
  const verdicts = classes.filter((one) => one.startsWith('verdicts-'));
  if (['set', 'restore', 'task'].includes(name))
    return classes.filter((one) => folders.get(one) === `${name}s`);
  if (name === 'verdicts') return verdicts;
  if (name === 'documents')
    return ['plan', 'base', 'receipts', 'seal', 'manifest', 'holds', 'tombstones', ...verdicts];
  if (!folders.has(name)) throw new Error(`${name} is neither a class nor a group`);
  return [name];
}

const unquoted = (name: string) => name.replaceAll('`', '');
