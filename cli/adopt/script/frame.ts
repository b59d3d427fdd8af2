import { UnsoundScript } from './unsound.ts';

const LINES = 3;
/** What a program writes first and last: `Greenplum Database database dump`. */
const frameNamed = (title: string) => ({
  header: ['--', `-- ${title}`, '--'],
  footer: ['--', `-- ${title} complete`, '--'],
});

/** Notes the comments of a script, to see that it begins and ends as gp_dump writes it. */
export function frameOfScript(titles: readonly string[] = ['Greenplum Database database dump']) {
  const frames = titles.map(frameNamed);
  const first: (string | undefined)[] = [];
  const last: (string | undefined)[] = [];
  return {
    /** @param comment undefined: a statement. */
    add(comment: string | undefined) {
      if (first.length < LINES) first.push(comment);
      last.push(comment);
      if (last.length > LINES) last.shift();
    },
    end() {
      const own = frames.find(({ header }) => header.every((line, at) => first[at] === line));
      if (own === undefined)
        throw new UnsoundScript(`it does not begin with "${titles.join('" or "')}"`);
      if (!own.footer.every((line, at) => last[at] === line))
        throw new UnsoundScript(
          `it is cut off: it does not end with "${own.footer[1]?.slice('-- '.length)}"`,
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
