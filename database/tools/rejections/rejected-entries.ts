/** An entry of an archive that the server has rejected, by its id in the archive. */
export interface RejectedEntry {
  readonly id: number;
  /** The server's message, such as `ERROR:  function unaccent(text) does not exist`. */
  readonly message: string;
}

/** The entries that were rejected: one each, bounded; `rejectedTotal` counts all. */
export interface Rejections {
  readonly rejected: readonly RejectedEntry[];
  readonly rejectedTotal: number;
}

export const NO_REJECTIONS: Rejections = { rejected: [], rejectedTotal: 0 };

const REJECTED_MAX = 1000;
const MESSAGE_CHARS_MAX = 1000;
/** Of entries whose errors came side by side. */
const ANSWERS_MAX = 8;

/**
 * Gives each error to the entry that waits longest. Where several wait, their processes work side
 * by side, and pg_restore does not say which error is whose: each of these entries gets all of
 * their messages. A second error of an entry can still stand in the place of another entry's first
 * one: both are rejected, and only the message is the wrong one.
 */
export function rejectedEntries() {
  const seen = new Set<number>();
  const answersOf = new Map<number, string[]>();
  const launched = new Set<number>();
  const waiting: number[] = [];
  let errorsTotal = 0;
  let last: number | undefined;
  let shared: string[] | undefined;
  /** The answers to the last error; undefined when its message is not kept. */
  let open: string[] | undefined;

  const add = (id: number, answers: string[]) => {
    if (seen.has(id)) return false;
    seen.add(id);
    if (answersOf.size < REJECTED_MAX) answersOf.set(id, answers);
    return true;
  };
  return {
    /** pg_restore gives an entry to one of its jobs. */
    launch: (id: number): void => void launched.add(id),
    /** An error of this entry comes. */
    expect: (id: number): void => void waiting.push(id),
    isExpected: (): boolean => waiting.length > 0,
    /** Returns false when no entry has been named yet. */
    reject(message: string): boolean {
      open = undefined;
      errorsTotal += 1;
      if (waiting.length > 1) shared ??= [];
      const answers = shared ?? [];
      last = waiting[0] ?? last;
      if (last === undefined) return false;
      const owners = waiting.length > 1 ? waiting : [last];
      const isNew = owners.map((id) => add(id, answers)).includes(true);
      waiting.shift();
      if (waiting.length === 0) shared = undefined;
      if (!isNew && answers.length === 0) return true;
      if (answers.length < ANSWERS_MAX) answers.push(message);
      open = answers;
      return true;
    },
    /** Adds a line to the message of the last error. */
    extend(line: string): void {
      const message = open?.pop();
      if (message !== undefined) open?.push(`${message}. ${line}`.slice(0, MESSAGE_CHARS_MAX));
    },
    /**
     * What pg_restore counts for these errors, or more: one for each, and one more for an entry of
     * a job. Its leader adds up the errors that a job reports (`parseWorkerResponse`), then adds
     * one for a job that had some (`mark_restore_job_done`): so do 9.4, 15, 17 and 18.
     */
    countedMax: (): number => errorsTotal + [...seen].filter((id) => launched.has(id)).length,
    list: (): Rejections => ({
      rejected: [...answersOf].map(([id, answers]) => ({ id, message: messageOf(answers) })),
      rejectedTotal: seen.size,
    }),
  };
}

function messageOf(answers: readonly string[]): string {
  const [one = '', ...others] = new Set(answers);
  const all = others.length === 0 ? one : `one of these: ${[one, ...others].join(' | ')}`;
  return all.slice(0, MESSAGE_CHARS_MAX);
}
