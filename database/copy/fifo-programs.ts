import { quoteShell } from '../session/quote.ts';

/**
 * The programs that `COPY … PROGRAM … ON SEGMENT` starts on every segment host, and the names under which they meet the
 * shipper that waits there. One light shell per table, for a shipper that lives through all of them.
 *
 * Greenplum replaces `<SEGID>` by the content id. It takes a program that was killed for a success, and the program
 * takes an aborted COPY for the end of its input: so a program that has seen everything through says so in a file of its
 * own, and whoever reads or writes at the FIFO's other end believes in nothing else.
 */

/** Where the FIFOs of one run lie on a host, one folder per content. `SEGMENT` stands for the content id. */
export function fifoFolder(base: string, run: string, content: number | typeof SEGMENT): string {
  return `${base}/stowage-fifo-${run}-${content}`;
}

export const SEGMENT = '<SEGID>';

/** Holds the shipper's process id; the folder is ready when it is there. */
export const PID_FILE = 'pid';

export type FifoDirection = 'in' | 'out';

/** What a relation's FIFO is called; `in` carries rows into the database. */
export const fifoName = (relation: number, direction: FifoDirection) => `${relation}.${direction}`;

/** The id and direction in a FIFO's name; undefined = another file. */
export function parseFifoName(
  name: string,
): { relation: number; direction: FifoDirection } | undefined {
  const [, relation, direction] = /^(\d+)\.(in|out)$/.exec(name) ?? [];
  if (relation === undefined || (direction !== 'in' && direction !== 'out')) return undefined;
  return { relation: Number(relation), direction };
}

/** Beside a FIFO: the shipper has written all rows. Without it the end of the bytes is no end. */
export const fedName = (fifo: string) => `${fifo}.fed`;

/** Beside a FIFO: the program has passed on everything, to its own good end. */
export const doneName = (fifo: string) => `${fifo}.done`;

/** How long a program waits for a shipper that comes later than the statement. */
const PATIENCE_MS = 60_000;

/** For COPY FROM: hands the server what the shipper writes. */
export function feedProgram(folder: string, relation: number, patienceMs = PATIENCE_MS): string {
  const work = { work: 'cat "$f"', whenDone: '&& mv "$f.fed" "$f.done"', whenStopped: '' };
  return program(folder, fifoName(relation, 'in'), patienceMs, work);
}

/** For COPY TO: hands the shipper what the server writes. */
export function collectProgram(folder: string, relation: number, patienceMs = PATIENCE_MS): string {
  // The folder may be taken away before the open, which then makes a file: nobody would ever read it.
  const work = '{ [ -p /proc/self/fd/1 ] && exec cat <&3; } >"$f"';
  // A server whose pipe breaks tells of that, and not of why it was cancelled: on Greenplum, of the segment that was lost.
  const whenStopped = 'timeout 5 cat >/dev/null;';
  return program(folder, fifoName(relation, 'out'), patienceMs, {
    work,
    whenDone: '&& true >"$f.done"',
    whenStopped,
  });
}

/**
 * POSIX shell. The watch ends a `cat` whose shipper, folder or shell is gone: it would hang at a FIFO that nobody opens, and
 * the server's backend with it. It must not keep the pipe to the server open, hence its redirections. A process that nobody
 * has waited for is gone too: our shell, killed, stays a zombie for as long as the backend reads from `cat`.
 *
 * A cancel reaches our whole process group, but background processes ignore SIGINT: hence the trap, whose exit status also
 * says failure where Greenplum would take death by a signal for success. All children are waited for: where the server is a
 * container's first process, it would take one that dies as an orphan for a crash of its own.
 */
function program(
  folder: string,
  fifo: string,
  patienceMs: number,
  { work, whenDone, whenStopped }: Readonly<Record<'work' | 'whenDone' | 'whenStopped', string>>,
): string {
  return [
    `d=${quoteShell(folder)}; f="$d/${fifo}"; n=0; c=`,
    `alive() { { read -r _ _ s _ <"/proc/$1/stat"; } 2>/dev/null && [ "$s" != Z ]; }`,
    // Before `c` is set, the only child is `$!`.
    `trap '{ kill -9 $c $!; ${whenStopped} wait; } 2>/dev/null; echo "stopped by a signal" >&2; exit 1' INT TERM HUP QUIT`,
    `until [ -s "$d/${PID_FILE}" ]; do n=$((n+1)); if [ $n -gt ${Math.ceil(patienceMs / 100)} ]; then echo "no shipper waits at $d" >&2; exit 1; fi; sleep 0.1; done`,
    // Anybody may make a folder of this name in /tmp, and would be handed the rows.
    'if [ ! -O "$d" ]; then echo "$d belongs to another user" >&2; exit 1; fi',
    `read -r p <"$d/${PID_FILE}"`,
    'if ! alive "$p"; then echo "the shipper of $d (pid $p) is gone" >&2; exit 1; fi',
    'exec 3<&0; mkfifo -m 600 "$f" || exit 1',
    `${work} & c=$!`,
    '{ while alive $p && alive $$ && alive $c && [ -p "$f" ]; do sleep 0.5; done; kill -9 $c; } <&- >/dev/null 2>&1 3<&- & w=$!',
    'exec 3<&-; wait $c 2>/dev/null; s=$?; { kill -9 $w; wait $w; } 2>/dev/null',
    `if [ $s -eq 0 ] ${whenDone}; then exit 0; fi 2>/dev/null`,
    'echo "the rows of $f did not come to their end (cat ended with $s)" >&2; exit 1',
  ].join('; ');
}
