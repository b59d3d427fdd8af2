import { crc32 } from 'node:zlib';
import {
  type CountedRelation,
  relationKey,
  type SourcePart,
  type SourceRelation,
} from '../convert/source.ts';
import { newlinesIn } from '../script/frame.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { SetProblem } from '../set-problem.ts';
import type { DatabaseDump, Dump, DumpFacts } from './dump.ts';
import type { DumpInput } from './input.ts';
import { openDump } from './open-dump.ts';

/** One database of a dump: what it says, and how many rows it has. */
export interface JudgedDatabase {
  readonly facts: DumpFacts;
  readonly relations: readonly CountedRelation[];
  /** Tables that the dump should have, and has not. */
  readonly lacking: readonly SourceRelation[];
  readonly hasLargeObjects: boolean;
}

/** A dump that was read from its beginning to its end, or to where it is not sound. */
export interface JudgedDump {
  readonly tool: Dump['tool'];
  readonly createdAt: string | undefined;
  readonly globals: Buffer | undefined;
  readonly databases: readonly JudgedDatabase[];
  readonly problems: readonly SetProblem[];
}

/**
 * Reads every byte of a dump and counts its rows.
 * @throws UnsoundScript when not even its front can be read.
 */
export async function judgeDump(input: DumpInput): Promise<JudgedDump> {
  const problems: SetProblem[] = [];
  const note = ({ message }: Error) => problems.push({ file: input.name, message });
  const dump = await openDump(input, note);
  const databases: JudgedDatabase[] = [];
  try {
    for await (const database of dump.databases()) {
      databases.push(await judgeDatabase(database, note));
      // What is behind cannot be read, and a directory has only one database.
      if (problems.length > 0) break;
    }
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    note(error);
  }
  const { tool, createdAt } = dump;
  return { tool, createdAt, globals: dump.globals(), databases, problems };
}

async function judgeDatabase(
  database: DatabaseDump,
  note: (error: UnsoundScript) => void,
): Promise<JudgedDatabase> {
  const counted = new Map<string, CountedRelation>();
  const state = { hasLargeObjects: false };
  try {
    for await (const part of database.parts()) await judgePart(part, counted, state);
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    note(error);
  }
  const lacking = database.expected().filter((one) => !counted.has(relationKey(one)));
  return { facts: database.facts(), relations: [...counted.values()], lacking, ...state };
}

async function judgePart(
  part: SourcePart,
  counted: Map<string, CountedRelation>,
  state: { hasLargeObjects: boolean },
): Promise<void> {
  if ('file' in part) {
    for await (const _ of part.chunks);
    state.hasLargeObjects = true;
    return;
  }
  const { schema, name, columns } = part;
  const key = relationKey(part);
  // The rows of a partitioned table can be in several places.
  let { rows, bytes, crc } = counted.get(key) ?? { rows: 0, bytes: 0, crc: 0 };
  try {
    for await (const chunk of part.rows) {
      rows += newlinesIn(chunk);
      bytes += chunk.length;
      crc = crc32(chunk, crc);
    }
  } catch (error) {
    // The reader of the tables says it again when it goes on, and can take the next file.
    if (error instanceof UnsoundScript) return;
    throw error;
  }
  counted.set(key, { schema, name, columns, rows, bytes, crc });
}
