import { StringDecoder } from 'node:string_decoder';
import type * as z from 'zod';
import { StowageError } from '../../backup-set/base/errors.ts';
import { count } from '../../backup-set/base/words.ts';

/** A job lists every relation of a segment, so its line may be long. */
const LINE_CHARS_MAX = 256 * 1024 * 1024;
const SHORT_CHARS = 64 * 1024;

/** The validated JSON objects of a stream, one per line. @throws StowageError `shipper/protocol` */
export async function* readLines<Schema extends z.ZodType>(
  input: AsyncIterable<Uint8Array | string>,
  schema: Schema,
): AsyncGenerator<z.output<Schema>> {
  for await (const line of linesOf(input)) yield parseLine(line, schema);
}

export function parseLine<Schema extends z.ZodType>(
  line: string,
  schema: Schema,
): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    // No cause: its message would quote the line, and a job holds secrets.
    throw new StowageError('shipper/protocol', 'a line of the control protocol is not JSON');
  }
  // jitless: to compile the schema takes zod longer than to validate one short line without it.
  const result = schema.safeParse(json, { jitless: line.length < SHORT_CHARS });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new StowageError(
    'shipper/protocol',
    `a line of the control protocol is invalid: field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`,
  );
}

/** Lines without their line ends; empty lines are skipped. */
export async function* linesOf(input: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest: string[] = [];
  let length = 0;
  for await (const chunk of input) {
    const text =
      typeof chunk === 'string'
        ? chunk
        : decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      const whole = rest.join('') + line;
      rest = [];
      length = 0;
      if (whole !== '') yield whole;
    }
    rest.push(last);
    length += last.length;
    if (length > LINE_CHARS_MAX)
      throw new StowageError(
        'shipper/protocol',
        `a line of the control protocol is longer than ${count(LINE_CHARS_MAX)} characters`,
      );
  }
  const whole = rest.join('');
  if (whole !== '') yield whole;
}
