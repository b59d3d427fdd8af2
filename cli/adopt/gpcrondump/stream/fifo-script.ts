import { posix } from 'node:path';
import { quoted } from '../../files/host.ts';

/** Random words: the FIFO is there, and all its bytes have come. */
export interface FifoMarks {
  readonly ready: string;
  readonly whole: string;
}

/**
 * Makes a FIFO and copies it to standard output, with a mark before and behind its bytes. The end
 * of its standard input ends it at any time: that also comes when Stowage or ssh is killed. The
 * FIFO stays until then, as gpcrondump expects its files, and is removed.
 */
export function fifoScript(path: string, { ready, whole }: FifoMarks): string {
  const at = quoted(path);
  // Without a reader of its messages, SIGPIPE would end the shell before it removes the FIFO.
  return `trap '' PIPE
umask 077
mkdir -p -- ${quoted(posix.dirname(path))} || exit 1
mkfifo -- ${at} || exit 1
copy= watch=
trap 'rm -f -- '${quoted(at)} EXIT
trap 'kill $copy $watch 2>/dev/null; exit 143' TERM HUP INT
exec 3<&0
cat -- ${at} & copy=$!
(read -r _ <&3; kill $copy) >/dev/null 2>&1 & watch=$!
echo ${ready}
wait $copy || exit 1
kill $watch 2>/dev/null
printf %s ${whole}
read -r _ <&3
exit 0`;
}
