import type { Logger } from 'pino';

/** Remembered lines; a forgotten one is logged again. */
const REMEMBERED_MAX = 10_000;

/**
 * The same log for what looks at the root again and again: an object that cannot be read is a line
 * when it is met first, and not at each look.
 */
export function saysOnce(log: Logger): Logger {
  const said = new Set<string>();
  const once = (level: 'warn' | 'error') => (fields: object | string, text?: string) => {
    const object = typeof fields === 'object' && 'object' in fields ? fields.object : undefined;
    const id = JSON.stringify([level, text ?? fields, object]);
    if (said.has(id)) return;
    if (said.size >= REMEMBERED_MAX) said.clear();
    said.add(id);
    if (typeof fields === 'string') log[level](fields);
    else log[level](fields, text);
  };
  const own = Object.create(log) as Logger;
  return Object.assign(own, { warn: once('warn'), error: once('error') });
}
