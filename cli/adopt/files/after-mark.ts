/** Far more than a login shell writes before it runs a command. */
const BEFORE_MARK_MAX = 64 * 1024;

/**
 * What a command writes after its mark, a line that it writes first. The login shell of a host may
 * write text of its own before it (`.bashrc`), and that must not become data.
 * @returns false when the mark did not come
 */
export async function* afterMark(
  chunks: AsyncIterable<Buffer>,
  mark: string,
  onMark?: () => void,
): AsyncGenerator<Buffer, boolean> {
  const line = Buffer.from(`${mark}\n`);
  let before: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (before === undefined) {
      yield chunk;
      continue;
    }
    before = Buffer.concat([before, chunk]);
    const at = before.indexOf(line);
    if (at === -1 && before.length > BEFORE_MARK_MAX) return false;
    if (at === -1) continue;
    const data = before.subarray(at + line.length);
    before = undefined;
    onMark?.();
    if (data.length > 0) yield data;
  }
  return before === undefined;
}

/** Of standard error: without the text of the login shell. */
export function textAfterMark(text: string, mark: string): string {
  const at = text.indexOf(`${mark}\n`);
  return at === -1 ? text : text.slice(at + mark.length + 1);
}
