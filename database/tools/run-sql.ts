import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import type { ConnectionTarget } from '../flavour.ts';
import { placeOf } from '../session/place.ts';
import { labelled } from './dump.ts';
import { startTool, toolError } from './process.ts';

export interface RunSqlOptions {
  /** SQLSTATEs that do not count as errors, e.g. 42710 for roles that already exist. */
  readonly tolerate?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const ERRORS_NAMED_MAX = 5;

/**
 * Runs SQL text through psql. Without `tolerate` it stops at the first error; with it, it runs all
 * statements.
 * @throws StowageError `database/tool` with line, SQLSTATE and message; `interrupted`; an error of
 * the source.
 */
export async function runSql(
  target: ConnectionTarget,
  source: AsyncIterable<Uint8Array>,
  options: RunSqlOptions = {},
): Promise<void> {
  const { tolerate } = options;
  const broken = new AbortController();
  const signal = AbortSignal.any([
    broken.signal,
    ...(options.signal === undefined ? [] : [options.signal]),
  ]);
  const stop = tolerate === undefined ? 1 : 0;
  const set = [`ON_ERROR_STOP=${stop}`, 'VERBOSITY=verbose', 'SHOW_CONTEXT=never'].map(
    (assignment) => `--set=${assignment}`,
  );
  const args = ['--no-psqlrc', '--quiet', '--no-password', '--file=-', ...set];
  const tool = await startTool(target, 'psql', {
    args,
    signal,
    applicationName: labelled(target, 'psql'),
  });
  tool.stdout.resume();
  const refused =
    tolerate === undefined ? Promise.resolve([]) : errorsIn(tool.stderr, new Set(tolerate));
  const feeding = feed(tool.stdin, source).catch((error: unknown) => {
    // psql would run the incomplete last statement at the end of its input: a DELETE without its
    // WHERE.
    broken.abort(error);
    throw error;
  });
  const [fed, , errors] = await Promise.allSettled([feeding, tool.done, refused]);
  if (fed.status === 'rejected') throw fed.reason;
  await tool.done;
  if (!fed.value)
    throw toolError(
      target,
      `psql on ${placeOf(target)} exited before the end of its input, without an error`,
    );
  if (errors.status === 'rejected') throw errors.reason;
  if (errors.value.length > 0)
    throw toolError(target, `psql failed on ${placeOf(target)}: ${errors.value.join('; ')}`);
}

/** False when psql stopped reading before the end; its own error usually tells why. */
async function feed(stdin: Writable, source: AsyncIterable<Uint8Array>): Promise<boolean> {
  const closed = new AbortController();
  stdin.once('close', () => closed.abort());
  try {
    for await (const chunk of source) {
      if (stdin.destroyed) return false;
      if (!stdin.write(chunk)) await once(stdin, 'drain', { signal: closed.signal });
    }
    stdin.end();
    return true;
  } catch (error) {
    if (closed.signal.aborted || stdin.errored !== null) return false;
    throw error;
  }
}

/**
 * `psql:<stdin>:12: ERROR:  42710: role "x" already exists`. Classes 00 to 02 are notices and
 * warnings
 * in any language. Greenplum gives the classes of errors to some notices.
 */
const SERVER_MESSAGE = /^psql:[^:]*:(\d+): (\S+)\s+([0-9A-Z]{5}): (.*)$/;
const NO_ERROR = /^(?:NOTICE|WARNING|INFO|LOG|DEBUG\d?):$/;
/** psql's own errors have no SQLSTATE. */
const PSQL_ERROR = /^psql:[^:]*:(\d+): error: (.*)$/;

async function errorsIn(stderr: Readable, tolerated: ReadonlySet<string>): Promise<string[]> {
  const errors: string[] = [];
  for await (const line of createInterface({ input: stderr.pipe(new PassThrough()) })) {
    const [, at, severity = '', state, message] = SERVER_MESSAGE.exec(line) ?? [];
    const own = PSQL_ERROR.exec(line);
    const wrong =
      state === undefined
        ? own && `line ${own[1]}: ${own[2]}`
        : !NO_ERROR.test(severity) &&
          !/^0[0-2]/.test(state) &&
          !tolerated.has(state) &&
          `line ${at}: ${message} (SQLSTATE ${state})`;
    if (typeof wrong === 'string' && errors.length < ERRORS_NAMED_MAX) errors.push(wrong);
  }
  return errors;
}
