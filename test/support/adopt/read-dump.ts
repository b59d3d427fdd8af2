import { filesOfFolder } from '../../../cli/adopt/files/folder.ts';
import { type DumpInput, inputOf } from '../../../cli/adopt/pgdump/input.ts';
import { judgeDump } from '../../../cli/adopt/pgdump/judge.ts';
import { openDump } from '../../../cli/adopt/pgdump/open-dump.ts';
import { UnsoundScript } from '../../../cli/adopt/script/unsound.ts';

export interface ReadDatabase {
  readonly database: string | undefined;
  /** By schema, name and columns. */
  readonly rows: Readonly<Record<string, string>>;
  /** The archive of definitions. */
  readonly schema: Buffer;
  /** The archive of large objects; empty: there are none. */
  readonly objects: Buffer;
}

/** A dump that lies in a local folder. */
export const dumpIn = (folder: string, name: string): Promise<DumpInput> =>
  inputOf(filesOfFolder(folder), name, new AbortController().signal);

/**
 * Each database of a dump, as it is adopted: after a first reading, because a script has the rights
 * of large objects behind their bytes. @throws UnsoundScript
 */
export async function databasesOf(input: DumpInput): Promise<ReadDatabase[]> {
  const { databases: judged, problems } = await judgeDump(input);
  const [problem] = problems;
  if (problem !== undefined) throw new UnsoundScript(problem.message);
  const read: ReadDatabase[] = [];
  for await (const database of (await openDump(input)).databases()) {
    const rows: Record<string, string> = {};
    let objects: Buffer = Buffer.alloc(0);
    for await (const part of database.parts(judged[read.length]?.facts)) {
      const bytes = Buffer.concat(await Array.fromAsync('file' in part ? part.chunks : part.rows));
      if ('file' in part) objects = bytes;
      else rows[`${part.schema}.${part.name} ${part.columns.join()}`] = bytes.toString();
    }
    const facts = database.facts();
    read.push({ database: facts.database, rows, schema: facts.archive(), objects });
  }
  return read;
}
