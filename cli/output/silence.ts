import { printable } from './format.ts';
import type { Output } from './output.ts';

/** Says that a server is silent, and that its work was seen to go on. */
export function noteSilence(output: Output, content: number, message: string): void {
  output.note('silent', { content, message }, printable(message));
}
