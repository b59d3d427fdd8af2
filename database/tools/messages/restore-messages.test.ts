import fc from 'fast-check';
import { expect, test } from 'vitest';
import { restoreErrors } from '../rejections/restore-errors.ts';
import { objectLines, quotedText } from '../restore-lines.ts';
import { restoreMessages } from './restore-messages.ts';

/** An entry that a job makes, and the server's answer when it rejects the entry. */
interface Made {
  readonly id: number;
  readonly name: string;
  readonly answer: string | undefined;
}

interface Message {
  readonly text: string;
  readonly level?: string;
}

/** In which pieces a message is written. */
interface Pieces {
  readonly blankAlone: boolean;
  readonly lineFeedAlone: boolean;
}

const pieces = fc.record({ blankAlone: fc.boolean(), lineFeedAlone: fc.boolean() });
const name = fc.stringMatching(/^[a-z][a-zA-Z .:]{0,8}[a-z]$/);
const job = fc.array(fc.record({ name, fails: fc.boolean() }), { minLength: 1, maxLength: 3 });
const jobs = fc.array(job, { minLength: 1, maxLength: 3 }).map((all) => {
  let id = 0;
  return all.map((entries) =>
    entries.map((entry): Made => {
      id += 1;
      const answer = entry.fails ? `ERROR:  "x${id}" is not` : undefined;
      return { id, name: `${entry.name}${id}`, answer };
    }),
  );
});
const picks = fc.array(fc.nat(3), { maxLength: 200, size: 'max' });
const chunkChars = fc.integer({ min: 1, max: 80 });

function statementOf({ name: ofEntry }: Made): string {
  return `CREATE INDEX ${ofEntry} ON t (a)\n  WHERE a = 'creating it: ';`;
}

function messagesOf(entry: Made): Message[] {
  const creating = { text: `creating INDEX "public.${entry.name}"` };
  if (entry.answer === undefined) return [creating];
  // Most statements end in line feeds, and SET does not.
  const command = `${statementOf(entry)}${entry.id % 2 === 0 ? '' : '\n\n'}`;
  return [
    creating,
    { text: 'while PROCESSING TOC:' },
    { text: `from TOC entry ${entry.id}; 1259 1 INDEX ${entry.name} o` },
    {
      level: 'error: ',
      text: `could not execute query: ${entry.answer}\nCommand was: ${command}`,
    },
  ];
}

/** Of the process that gives the jobs their entries. */
function leaderMessages(entries: readonly Made[], word: string): Message[] {
  return entries.map(({ id, name: ofEntry }) => ({ text: `${word} item ${id} INDEX ${ofEntry}` }));
}

function writesOf(messages: readonly Message[], how: Pieces): string[] {
  return messages.flatMap(({ text, level }) => [
    ...(how.blankAlone ? ['pg_restore:', ' '] : ['pg_restore: ']),
    ...(level === undefined ? [] : [level]),
    ...(how.lineFeedAlone ? [text, '\n'] : [`${text}\n`]),
  ]);
}

/** The writes of several processes in one order; each process keeps its own. */
function interleaved(processes: readonly string[][], order: readonly number[]): string {
  const queues = processes.map((writes) => [...writes]);
  let text = '';
  for (let turn = 0; ; turn += 1) {
    const busy = queues.filter((writes) => writes.length > 0);
    if (busy.length === 0) return text;
    text += busy[(order[turn] ?? turn) % busy.length]?.shift() ?? '';
  }
}

/** What pg_restore writes: the leader begins and ends alone. */
function writtenBy(ofJobs: readonly Made[][], how: Pieces, order: readonly number[]): string {
  const all = ofJobs.flat();
  const failed = all.filter(({ answer }) => answer !== undefined);
  const begin = [{ text: 'entering main parallel loop' }, ...leaderMessages(all, 'launching')];
  const leader = leaderMessages(all, 'finished');
  const workers = ofJobs.map((entries) => entries.flatMap(messagesOf));
  const processes = [leader, ...workers].map((messages) => writesOf(messages, how));
  const end = [
    { text: 'finished main parallel loop' },
    { level: 'warning: ', text: `errors ignored on restore: ${2 * failed.length}` },
  ];
  const writes = [...writesOf(begin, how), interleaved(processes, order), ...writesOf(end, how)];
  return writes.join('');
}

function read(text: string, size: number) {
  const [objects, errors, quoted] = [[] as string[], restoreErrors(), quotedText()];
  const takeObjects = objectLines(({ current }) => objects.push(current));
  let message = '';
  for (let at = 0; at < text.length; at += size) {
    const chunk = text.slice(at, at + size);
    takeObjects(chunk);
    errors.take(chunk);
    message += quoted.take(chunk);
  }
  message += quoted.end();
  // The blank behind a name can come after the text of another process.
  return { objects, report: errors.end(), message: message.replace(/ +$/gm, '') };
}

test('of jobs that write side by side, every object and every rejection is read', () => {
  const property = fc.property(jobs, pieces, picks, chunkChars, (ofJobs, how, order, size) => {
    const { objects, report, message } = read(writtenBy(ofJobs, how, order), size);
    const all = ofJobs.flat();
    const failed = all.filter(({ answer }) => answer !== undefined);

    expect(objects.toSorted()).toEqual(all.map((one) => `INDEX public.${one.name}`).toSorted());
    expect(report).toMatchObject({ rejectedTotal: failed.length, isComplete: true });
    const answers = new Map(report.rejected.map((one) => [one.id, one.message]));
    for (const { id, answer } of failed) expect(answers.get(id)).toContain(answer);
    expect(message).not.toMatch(/creating INDEX|(?:launching|finished) item|parallel loop/);
    for (const entry of failed) {
      expect(message).toContain(`pg_restore: from TOC entry ${entry.id}; `);
      expect(message).toContain(
        `pg_restore: error: could not execute query: ${entry.answer}\nCommand was: ${statementOf(entry)}\n`,
      );
    }
  });
  fc.assert(property, { numRuns: 300 });
});

function textsOf(lines: readonly string[]): (readonly [boolean, string])[] {
  return restoreMessages()
    .take(`${lines.join('\n')}\n`)
    .map((line) => [line.isFirst, `${line.level}${line.text}`]);
}

test('two messages in one line are cut where the second begins', () => {
  const lines = [
    'pg_restore: entering main parallel loop',
    'pg_restore: pg_restore: creating INDEX "public.a"creating INDEX "public.b"',
    '',
    'pg_restore: creating FK CONSTRAINT "public.c d"',
  ];
  expect(textsOf(lines).slice(1)).toEqual([
    [true, 'creating INDEX "public.a"'],
    [true, 'creating INDEX "public.b"'],
    [true, 'creating FK CONSTRAINT "public.c d"'],
  ]);
});

const ERROR = 'error: could not execute query: ERROR:  y';

test('the statement of an error is not cut where it looks like messages', () => {
  const statement = [
    `Command was: SELECT 'pg_restore: creating INDEX "a"';`,
    'creating INDEX "b"',
    'error: could not execute query: ERROR:  x',
    'from TOC entry 5; 0 0 INDEX c o',
  ];
  expect(textsOf([`pg_restore: ${ERROR}`, ...statement])).toEqual([
    [true, ERROR],
    ...statement.map((line) => [false, line]),
  ]);
});

test('a message is read whose name or text stands within a statement that comes in pieces', () => {
  const lines = [
    'pg_restore: launching item 5 INDEX i',
    `pg_restore: ${ERROR}`,
    'Command was: CREATE INDEX i ON t (xxxxpg_restore: xxxx);',
    '',
    'creating INDEX "public.b"',
    `pg_restore: ${ERROR}`,
    'Command was: CREATE INDEX j ON t (xxxxpg_restore: creating INDEX "public.c"',
    'xxxx);',
    `pg_restore: ${ERROR}`,
    'Command was: CREATE INDEX k ON t (xxxxpg_restore: launching item 6 INDEX k',
    'pg_restore: xxxx);',
    'from TOC entry 6; 1259 1 INDEX k o',
  ];
  const firsts = textsOf(lines).filter(([isFirst]) => isFirst);
  expect(firsts.slice(1).map(([, line]) => line)).toEqual([
    ERROR,
    'creating INDEX "public.b"',
    ERROR,
    'creating INDEX "public.c"',
    ERROR,
    'launching item 6 INDEX k',
    'from TOC entry 6; 1259 1 INDEX k o',
  ]);
});
