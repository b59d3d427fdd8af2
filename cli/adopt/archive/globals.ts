import { messageOf } from '../../../backup-set/base/errors.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { unquoted } from '../script/copy-statement.ts';

const LEVEL = 9;

export interface LeftOut {
  readonly kind: string;
  readonly name: string;
}

/** The metadata file of the globals; none: there is nothing that a restore accepts. */
export interface GlobalsFile {
  readonly files: readonly { readonly file: 'globals.sql.zst'; readonly bytes: Uint8Array }[];
  readonly leftOut: readonly LeftOut[];
}

/** What no set of ours has, and what Greenplum 6 no longer knows, in an ALTER ROLE. */
const NOT_TAKEN = [
  ['password', /^(ALTER ROLE (.+?) WITH .*?) PASSWORD '(?:[^'\\]|'')*'/gm],
  ['gphdfs right', /^(ALTER ROLE (.+?) WITH .*?) CREATEEXTTABLE \(protocol='gphdfs'[^)]*\)/gm],
] as const;

/** @param text one character per byte (latin1). */
export function withoutSecrets(text: string): {
  readonly text: string;
  readonly leftOut: LeftOut[];
} {
  const leftOut = new Map<string, LeftOut>();
  let rest = text;
  for (const [kind, pattern] of NOT_TAKEN)
    for (let before = ''; before !== rest; ) {
      before = rest;
      rest = rest.replace(pattern, (_, kept: string, role: string) => {
        leftOut.set(JSON.stringify([kind, role]), { kind, name: unquoted(role) });
        return kept;
      });
    }
  return { text: rest, leftOut: [...leftOut.values()] };
}

/**
 * The globals of a script without passwords, which no set of ours has. Globals that a restore would
 * refuse are not stored; why does not name their text, which may hold a secret.
 */
export async function globalsOfScript(script: string): Promise<GlobalsFile> {
  const { text, leftOut } = withoutSecrets(script);
  const reason = refusal(text);
  if (reason === undefined) return { files: [await stored(text)], leftOut };
  const line = /^line \d+/.exec(reason)?.[0] ?? 'a line';
  const name = `${line} is not a statement that pg_dumpall --globals-only writes`;
  return { files: [], leftOut: [{ kind: 'globals', name }] };
}

/** As `globalsOfScript`, of single statements: only those that are refused are left out. */
export async function globalsOf(
  statements: readonly { readonly what: string; readonly text: string }[],
): Promise<GlobalsFile> {
  const leftOut: LeftOut[] = [];
  const kept: string[] = [];
  for (const { what, text: whole } of statements) {
    const { text, leftOut: lost } = withoutSecrets(whole);
    leftOut.push(...lost);
    if (refusal(text) === undefined) kept.push(text);
    else leftOut.push({ kind: 'globals', name: what });
  }
  return { files: kept.length === 0 ? [] : [await stored(`${kept.join('\n')}\n`)], leftOut };
}

function refusal(text: string): string | undefined {
  try {
    for (const _ of globalStatements(Buffer.from(text, 'latin1'), 'globals'));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function stored(text: string) {
  const bytes = await zstd.encode(Buffer.from(text, 'latin1'), LEVEL);
  return { file: 'globals.sql.zst' as const, bytes };
}
