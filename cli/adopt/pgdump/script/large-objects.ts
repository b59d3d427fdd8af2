import { headingOf, type ScriptObject, unexpected } from '../../archive/script-objects.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import type { RawEntry, RawToc } from '../archive/raw-toc.ts';
import { int, writeToc } from '../archive/write-toc.ts';
import type { Cursor } from './cursor.ts';

const BLOCK_LARGE_OBJECTS = 3;
/** As the archive of definitions that a script becomes (note 0030). */
const MINOR = 12;
const OPEN = /^SELECT pg_catalog\.lo_open\('(\d+)', \d+\);$/;
const WRITE = /^SELECT pg_catalog\.lowrite\(0, '\\{1,2}x([0-9a-f]*)'\);$/;
const CLOSE = 'SELECT pg_catalog.lo_close(0);';
const AROUND = ['BEGIN;', 'COMMIT;'];

/** What an archive of large objects says of its source. */
export type ObjectsFacts = Pick<RawToc, 'database' | 'serverVersion' | 'dumpVersion'> & {
  readonly encoding: string;
  readonly standardStrings: boolean;
};

/**
 * The large objects of a script as an archive of pg_dump: `SELECT lo_open(…)`, `lowrite(…)`, up to
 * what follows them.
 * @param objects their definitions, owners and rights.
 */
export async function* objectsOfScript(
  cursor: Cursor,
  objects: readonly ScriptObject[],
  facts: ObjectsFacts,
): AsyncGenerator<Buffer> {
  const entries = entriesOf(objects, facts);
  const toc = {
    minor: MINOR,
    compression: 'none',
    createdAt: '',
    time: [0, 0, 0, 0, 0, 0, 0],
  } as const;
  yield writeToc({ ...toc, ...facts, entries }, entries);
  yield Buffer.concat([Buffer.from([BLOCK_LARGE_OBJECTS]), int(entries.at(-1)?.id ?? 0)]);
  let isOpen = false;
  for (; cursor.part !== undefined && isOfObjects(cursor.part.text); await cursor.advance()) {
    const { kind, text } = cursor.part;
    if (kind === 'comment' || AROUND.includes(text)) continue;
    const [oid, written] = [OPEN.exec(text)?.[1], WRITE.exec(text)?.[1]];
    if (oid !== undefined && !isOpen) yield int(Number(oid));
    else if (written !== undefined && isOpen) {
      const bytes = Buffer.from(written, 'hex');
      if (bytes.length > 0) yield Buffer.concat([int(bytes.length), bytes]);
    } else if (text === CLOSE && isOpen) yield int(0);
    else throw unexpected(text);
    isOpen = text !== CLOSE;
  }
  if (isOpen) throw new UnsoundScript('it ends inside of a large object');
  yield int(0);
}

/** False for the heading of what follows, and the last lines of the script. */
function isOfObjects(text: string): boolean {
  if (text.startsWith('\\')) return false;
  if (!text.startsWith('-- ')) return true;
  return headingOf(text)?.kind === 'BLOBS';
}

const NONE = {
  hasDumper: 0,
  tableOid: '0',
  oid: '0',
  drop: '',
  copy: undefined,
  schema: undefined,
  tablespace: undefined,
  accessMethod: undefined,
  relkind: 0,
  owner: '',
  withOids: 'false',
  dependsOn: [],
  hasData: false,
  file: undefined,
} as const;

function entriesOf(objects: readonly ScriptObject[], facts: ObjectsFacts): RawEntry[] {
  const strings = facts.standardStrings ? 'on' : 'off';
  const named = (kind: string, definition: string) => ({
    ...NONE,
    tag: kind,
    kind,
    section: 1,
    definition,
  });
  const all = [
    named('ENCODING', `SET client_encoding = '${facts.encoding}';\n`),
    named('STDSTRINGS', `SET standard_conforming_strings = '${strings}';\n`),
    ...objects.map(({ tag, kind, owner, statements }) => ({
      ...NONE,
      tag,
      kind,
      section: kind === 'BLOB' ? 2 : 1,
      definition: statements.map((statement) => `${statement}\n`).join(''),
      drop: kind === 'BLOB' ? `SELECT pg_catalog.lo_unlink('${tag}');\n` : '',
      owner,
    })),
    { ...named('BLOBS', ''), section: 3, hasData: true, hasDumper: 1 },
  ];
  return all.map((entry, at) => ({ ...entry, id: at + 1 }));
}
