import type { ScriptPart } from '../../script/read-script.ts';

/** The parts of a script, of which several readers take theirs. */
export interface Cursor {
  /** The part that no reader has taken; undefined: the script has ended. */
  readonly part: ScriptPart | undefined;
  /** Takes it. The rows of a COPY must be read first. */
  advance(): Promise<void>;
  /** For a reader that takes several parts: where the script goes on. */
  resume(next: IteratorResult<ScriptPart>): void;
  readonly rest: AsyncIterator<ScriptPart>;
}

export async function cursorOf(parts: AsyncIterator<ScriptPart>): Promise<Cursor> {
  let part: ScriptPart | undefined;
  const resume = (next: IteratorResult<ScriptPart>) => {
    part = next.done === true ? undefined : next.value;
  };
  resume(await parts.next());
  return {
    get part() {
      return part;
    },
    async advance() {
      resume(await parts.next());
    },
    resume,
    rest: parts,
  };
}
