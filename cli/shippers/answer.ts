import type * as z from 'zod';
import type { Exit } from '../../async/child-process.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { Report } from '../../segment-shipper/protocol/control.ts';
import { linesOf, parseLine } from '../../segment-shipper/protocol/ndjson.ts';

/** Far more than a login shell writes before it runs a command. */
const NOISE_CHARS_MAX = 64 * 1024;
const LINES_KEPT = 3;
const LINE_CHARS_KEPT = 200;

/** The first report of every shipper begins so. */
const HELLO = '{"type":"hello"';

/** What came from the host beside reports: how another program, or a login shell, answered. */
export interface Answer {
  /** The first lines on standard output before the first report. */
  readonly before: string[];
  hello: Extract<Report, { type: 'hello' }> | undefined;
}

/**
 * The reports of a shipper. The login shell of its host may write text before the first one
 * (`.bashrc`): that is kept for messages, and skipped.
 * @throws StowageError `shipper/protocol`
 */
export async function* reportsOf(
  input: AsyncIterable<Uint8Array | string>,
  answer: Answer,
): AsyncGenerator<z.output<typeof Report>> {
  let noise = 0;
  for await (const line of linesOf(input)) {
    const at = answer.hello === undefined ? line.indexOf(HELLO) : 0;
    const other = at === -1 && !line.startsWith('{') ? line : line.slice(0, Math.max(0, at));
    if (other.trim() !== '') {
      noise += other.length;
      if (answer.before.length < LINES_KEPT)
        answer.before.push(other.trim().slice(0, LINE_CHARS_KEPT));
      if (noise > NOISE_CHARS_MAX)
        throw new StowageError('shipper/protocol', 'no report came, but other text');
    }
    if (at === -1 && !line.startsWith('{')) continue;
    const report = parseLine(line.slice(Math.max(0, at)), Report);
    if (report.type === 'hello') answer.hello = report;
    yield report;
  }
}

/** Why a shipper that ended without its last report may have ended, for the end of a message. */
export function describeAnswer(answer: Answer, exit: Exit, log: string): string {
  const { before, hello } = answer;
  const lines = lastLines(log);
  const said =
    hello === undefined && before.length > 0 ? [`its first output: ${quoted(before)}`] : [];
  const logged =
    lines.length === 0
      ? []
      : [`last ${lines.length === 1 ? 'line' : 'lines'} of its log: ${lines.join(' / ')}`];
  const why = hello === undefined ? adviceFor(exit) : versionOf(answer);
  return [...said, ...logged, ...(why === '' ? [] : [why])].map((part) => `; ${part}`).join('');
}

/** Names the versions when they differ; empty when they do not. */
export function versionOf({ hello }: Answer): string {
  if (hello === undefined || hello.tool === undefined || hello.tool === TOOL) return '';
  return `the shipper there is ${hello.tool}, and this command is ${TOOL}: install the same version on both hosts`;
}

const quoted = (lines: readonly string[]) => lines.map((line) => JSON.stringify(line)).join(', ');

/** Without the stack and the last line of a Node that crashed. */
function lastLines(log: string): string[] {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(?:at |Node\.js v)/.test(line));
  return lines.slice(-LINES_KEPT).map((line) => line.slice(0, LINE_CHARS_KEPT));
}

function adviceFor({ code }: Exit): string {
  if (code === 127)
    return 'the program was not found there: install the shipper, or correct shippers.command';
  if (code === 126) return 'the program may not be executed there: correct its mode or its path';
  if (code === 255) return 'ssh exits with 255 when it cannot connect or log in';
  return '';
}
