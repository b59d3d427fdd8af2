import { quoteShell } from '../session/quote.ts';

/**
 * The programs that `COPY … PROGRAM … ON SEGMENT` starts on every segment host, and the files that
 * connect them to the shipper on that host: one small shell per table, one shipper for all tables.
 *
 * Greenplum replaces `<SEGID>` by the content id. It treats a program that was killed as
 * successful,
 * and to the program an aborted COPY looks like the end of its input. So a program that has passed
 * on
 * everything creates a file, and the shipper trusts only that file.
 */

/** The folder with the FIFOs of one run, one per content. `SEGMENT` stands for the content id. */
export function fifoFolder(base: string, run: string, content: number | typeof SEGMENT): string {
  return `${base}/stowage-fifo-${run}-${content}`;
}

export const SEGMENT = '<SEGID>';

/** Contains the shipper's process id. The folder is ready when this file has content. */
export const PID_FILE = 'pid';

export type FifoDirection = 'in' | 'out';

/** The name of a relation's FIFO; `in` carries rows into the database. */
export const fifoName = (relation: number, direction: FifoDirection) => `${relation}.${direction}`;

/** The id and direction in a FIFO's name; undefined = another file. */
export function parseFifoName(
  name: string,
): { relation: number; direction: FifoDirection } | undefined {
  const [, relation, direction] = /^(\d+)\.(in|out)$/.exec(name) ?? [];
  if (relation === undefined || (direction !== 'in' && direction !== 'out')) return undefined;
  return { relation: Number(relation), direction };
}

/** The file that tells that the shipper has written all rows to the FIFO. */
export const fedName = (fifo: string) => `${fifo}.fed`;

/** The file that tells that the program has passed on everything and succeeded. */
export const doneName = (fifo: string) => `${fifo}.done`;

/** How long a program waits for a shipper that starts later than the statement. */
const SHIPPER_WAIT_MS = 60_000;

/** For COPY FROM: passes what the shipper writes to the server. */
export function feedProgram(folder: string, relation: number, waitMs = SHIPPER_WAIT_MS): string {
  const work = { work: 'cat "$f"', whenDone: '&& mv "$f.fed" "$f.done"', whenStopped: '' };
  return program(folder, fifoName(relation, 'in'), waitMs, work);
}

/** For COPY TO: passes what the server writes to the shipper. */
export function collectProgram(folder: string, relation: number, waitMs = SHIPPER_WAIT_MS): string {
  // When the FIFO is deleted before the open, the open creates a plain file that is never read.
  const work = '{ [ -p /proc/self/fd/1 ] && exec cat <&3; } >"$f"';
  // A server whose pipe breaks reports the broken pipe, and not why it was cancelled, e.g. a lost
  // segment.
  const whenStopped = 'timeout 5 cat >/dev/null;';
  return program(folder, fifoName(relation, 'out'), waitMs, {
    work,
    whenDone: '&& true >"$f.done"',
    whenStopped,
  });
}

/**
 * POSIX shell. A watch process kills a `cat` whose shipper, folder or shell is gone: it would hang
 * in
 * the open of a FIFO that has no other end, and the server's backend with it. The watch must not
 * keep
 * the pipe to the server open, hence its redirections. A zombie counts as gone: a shell that was
 * killed stays one for as long as the backend reads from `cat`.
 *
 * A cancel reaches the whole process group, but background processes ignore SIGINT: hence the trap.
 * It also exits with a failure, where Greenplum would treat death by a signal as success. All
 * children are waited for: a server that is a container's first process would treat the end of an
 * orphan as a crash.
 */
function program(
  folder: string,
  fifo: string,
  waitMs: number,
  { work, whenDone, whenStopped }: Readonly<Record<'work' | 'whenDone' | 'whenStopped', string>>,
): string {
  return [
    `d=${quoteShell(folder)}; f="$d/${fifo}"; n=0; c=`,
    `alive() { { read -r _ _ s _ <"/proc/$1/stat"; } 2>/dev/null && [ "$s" != Z ]; }`,
    // Before `c` is set, the only child is `$!`.
    `trap '{ kill -9 $c $!; ${whenStopped} wait; } 2>/dev/null; echo "stopped by a signal" >&2; exit 1' INT TERM HUP QUIT`,
    `until [ -s "$d/${PID_FILE}" ]; do n=$((n+1)); if [ $n -gt ${Math.ceil(waitMs / 100)} ]; then echo "no shipper has created $d" >&2; exit 1; fi; sleep 0.1; done`,
    // Any user may create a folder of this name in /tmp, and would receive the rows.
    'if [ ! -O "$d" ]; then echo "$d belongs to another user" >&2; exit 1; fi',
    `read -r p <"$d/${PID_FILE}"`,
    'if ! alive "$p"; then echo "the shipper of $d (pid $p) has ended" >&2; exit 1; fi',
    'exec 3<&0; mkfifo -m 600 "$f" || exit 1',
    `${work} & c=$!`,
    '{ while alive $p && alive $$ && alive $c && [ -p "$f" ]; do sleep 0.5; done; kill -9 $c; } <&- >/dev/null 2>&1 3<&- & w=$!',
    'exec 3<&-; wait $c 2>/dev/null; s=$?; { kill -9 $w; wait $w; } 2>/dev/null',
    `if [ $s -eq 0 ] ${whenDone}; then exit 0; fi 2>/dev/null`,
    'echo "not all rows of $f were passed on (cat exited with code $s)" >&2; exit 1',
  ].join('; ');
}
