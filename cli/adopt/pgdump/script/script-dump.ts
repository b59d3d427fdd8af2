import { stripPasswords } from '../../../../database/tools/role-passwords.ts';
import { readScript } from '../../script/read-script.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import type { DatabaseDump, Dump } from '../dump.ts';
import { type Cursor, cursorOf } from './cursor.ts';
import { scriptFacts } from './facts.ts';
import { connectedDatabase, scriptParts, TITLES } from './parts.ts';
import { newState } from './state.ts';

const CLUSTER_TITLES = ['PostgreSQL database cluster dump', 'Greenplum Database cluster dump'];
const STARTED = /^-- Started on (\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/m;
const OF_DATABASE = /^-- Database "(.*)" dump$/s;
const NOT_GLOBALS =
  /^(?:\\|DROP |CREATE DATABASE |ALTER DATABASE |UPDATE pg_catalog\.pg_database |(?:GRANT|REVOKE) .* ON DATABASE )/s;

/** `stowage dump` writes scripts, too: without what shows that a script of pg_dump is whole. */
const OF_OURS = /^-- Set \d{14}, written by stowage /m;

/** @throws UnsoundScript before anything is stored, when pg_dump has not written the script. */
function requireTitle(front: string): void {
  if ([...TITLES, ...CLUSTER_TITLES].some((title) => front.includes(`-- ${title}\n`))) return;
  if (OF_OURS.test(front))
    throw new UnsoundScript(
      'it is a script of "stowage dump": run it with psql in a new database, and adopt a pg_dump of that',
    );
  throw new UnsoundScript(`it does not begin with "${TITLES.join('" or "')}"`);
}

/**
 * @param front the first lines of the script.
 * @throws UnsoundScript when it has another beginning.
 */
export function scriptDump(chunks: AsyncIterable<Buffer>, front: string): Dump {
  requireTitle(front);
  const isCluster = CLUSTER_TITLES.some((title) => front.includes(`-- ${title}\n`));
  const createdAt = STARTED.exec(front)?.slice(1).join('');
  if (isCluster) return clusterDump(chunks, createdAt);
  return {
    tool: 'pg_dump',
    createdAt,
    globals: () => undefined,
    async *databases() {
      const cursor = await cursorOf(readScript(chunks));
      yield databaseAt(cursor, undefined, false);
      if (cursor.part?.text.startsWith('\\unrestrict ')) await cursor.advance();
      if (cursor.part !== undefined)
        throw new UnsoundScript(
          `it does not end with its last line: ${JSON.stringify(cursor.part.text.slice(0, 60))} follows`,
        );
    },
  };
}

function databaseAt(cursor: Cursor, name: string | undefined, isBegun: boolean): DatabaseDump {
  const state = newState();
  state.database = name;
  return {
    parts: (known) => scriptParts(cursor, state, isBegun, known?.largeObjects),
    facts: () => scriptFacts(state),
    expected: () => [],
  };
}

/** pg_dumpall: roles and tablespaces, then a dump of each database. */
function clusterDump(chunks: AsyncIterable<Buffer>, createdAt: string | undefined): Dump {
  const globals: string[] = [];
  return {
    tool: 'pg_dumpall',
    createdAt,
    globals: () => Buffer.from(stripPasswords(globals.join('\n')), 'latin1'),
    async *databases() {
      const cursor = await cursorOf(readScript(chunks));
      let [database, isComplete] = [undefined as string | undefined, false];
      for (let part = cursor.part; part !== undefined; part = cursor.part) {
        const { kind, text } = part;
        if (kind === 'copy') throw new UnsoundScript('it has rows outside of its databases');
        if (kind === 'comment' && TITLES.some((title) => text === `-- ${title}`)) {
          yield databaseAt(cursor, database, true);
          database = undefined;
          continue;
        }
        if (kind === 'comment') {
          database = OF_DATABASE.exec(text)?.[1] ?? database;
          isComplete = CLUSTER_TITLES.some((title) => text === `-- ${title} complete`);
        } else {
          database = connectedDatabase(text) ?? database;
          if (!NOT_GLOBALS.test(text)) globals.push(`${text}\n`);
        }
        await cursor.advance();
        if (isComplete) return await endOf(cursor);
      }
      throw new UnsoundScript(
        'it is cut off: it does not end with "PostgreSQL database cluster dump complete"',
      );
    },
  };
}

/** @throws UnsoundScript when anything but blanks follows. */
async function endOf(cursor: Cursor): Promise<void> {
  for (; cursor.part !== undefined; await cursor.advance()) {
    const { text } = cursor.part;
    if (text !== '--' && !text.startsWith('\\unrestrict '))
      throw new UnsoundScript(`bytes follow its end: ${JSON.stringify(text.slice(0, 60))}`);
  }
}
