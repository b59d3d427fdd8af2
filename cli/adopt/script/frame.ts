import { UnsoundScript } from './unsound.ts';

const HEADER = ['--', '-- Greenplum Database database dump', '--'];
const FOOTER = ['--', '-- Greenplum Database database dump complete', '--'];

/** Notes the comments of a script, to see that it begins and ends as gp_dump writes it. */
export function frameOfScript() {
  const first: (string | undefined)[] = [];
  const last: (string | undefined)[] = [];
  return {
    /** @param comment undefined: a statement. */
    add(comment: string | undefined) {
      if (first.length < HEADER.length) first.push(comment);
      last.push(comment);
      if (last.length > FOOTER.length) last.shift();
    },
    end() {
      if (!HEADER.every((line, at) => first[at] === line))
        throw new UnsoundScript('it does not begin as a dump of Greenplum');
      if (!FOOTER.every((line, at) => last[at] === line))
        throw new UnsoundScript(
          'it is cut off: it does not end with "Greenplum Database database dump complete"',
        );
    },
  };
}

/** The rows in COPY text: a newline byte always ends one. */
export function newlinesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}
