import { printable } from '../format.ts';

const WARN = 40;
const ERROR = 50;

/** A destination of pino that writes lines for people: local time, level, message. */
export function linesOf(stream: { write(text: string): unknown }): { write(text: string): void } {
  return { write: (text) => void stream.write(lineOf(text)) };
}

/** `14:03:59 ERROR set 20260131010203 is damaged: 1 problem`. Pure, but for the time zone. */
export function lineOf(text: string): string {
  try {
    const { level, time, msg } = JSON.parse(text) as { level: number; time: number; msg: string };
    const clock = new Date(time).toTimeString().slice(0, 8);
    const urgency = level >= ERROR ? 'ERROR ' : level >= WARN ? 'WARN ' : '';
    return `${clock} ${urgency}${printable(msg)}\n`;
  } catch {
    return text;
  }
}
