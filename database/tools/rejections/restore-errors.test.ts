import { expect, test } from 'vitest';
import { restoreErrors } from './restore-errors.ts';

function reportOf(text: string, chunk = text.length) {
  const errors = restoreErrors();
  for (let at = 0; at < text.length; at += chunk) errors.take(text.slice(at, at + chunk));
  return errors.end();
}

/** Of pg_restore 15 with --verbose. */
const OF_15 = `pg_restore: connecting to database for restore
pg_restore: creating INDEX "app.error: i"
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3479; 1259 16748 INDEX n_i postgres
pg_restore: error: could not execute query: ERROR:  function unaccent(text) does not exist
LINE 1:  select lower(unaccent(t)) 
                      ^
HINT:  No function matches the given name.
QUERY:   select lower(unaccent(t)) 
CONTEXT:  SQL function "norm" during inlining
Command was: CREATE INDEX n_i ON app.n USING btree (app.norm(t));
HINT:  of a statement


pg_restore: creating TRIGGER "app.t tr"
pg_restore: from TOC entry 3480; 0 0 TRIGGER t tr postgres
pg_restore: error: could not execute query: ERROR:  relation "app.t" does not exist
Command was: CREATE TRIGGER tr;
pg_restore: error: could not execute query: ERROR:  trigger "tr" does not exist
Command was: ALTER TABLE app.t DISABLE TRIGGER tr;
pg_restore: warning: errors ignored on restore: 3
`;
const REJECTED = [
  {
    id: 3479,
    message:
      'ERROR:  function unaccent(text) does not exist. HINT:  No function matches the given name.',
  },
  { id: 3480, message: 'ERROR:  relation "app.t" does not exist' },
];

test.each([1, 7, 100, 100_000])(
  'each entry that the server rejected is listed once, read in chunks of %i characters',
  (chunk) => {
    expect(reportOf(OF_15, chunk)).toEqual({
      rejected: REJECTED,
      rejectedTotal: 2,
      isComplete: true,
      fatal: undefined,
      counted: 3,
      lost: false,
    });
  },
);

test('the messages of pg_restore 9.4 are read', () => {
  const text = `pg_restore: [archiver (db)] Error while PROCESSING TOC:
pg_restore: [archiver (db)] Error from TOC entry 180; 1259 16385 TABLE t gpadmin
pg_restore: [archiver (db)] could not execute query: ERROR:  relation "t" already exists
    Command was: CREATE TABLE t (
    a integer
);
WARNING: errors ignored on restore: 1
`;
  expect(reportOf(text)).toMatchObject({
    rejected: [{ id: 180, message: 'ERROR:  relation "t" already exists' }],
    isComplete: true,
  });
});

/** Of pg_restore 17 with --jobs=3, which counts each error of a job twice. */
const OF_JOBS = `pg_restore: entering main parallel loop
pg_restore: launching item 5 INDEX a
pg_restore: launching item 6 INDEX b
pg_restore:pg_restore: while PROCESSING TOC:
 from TOC entry 5; 1259 1 INDEX a postgres
pg_restore: from TOC entry 6; 1259 2 INDEX b postgres
pg_restore: pg_restore: error: error: could not execute query: ERROR:  one
Command was: CREATE INDEX a;
could not execute query: ERROR:  two
HINT:  Try.
Command was: CREATE INDEX b;
pg_restore: finished main parallel loop
pg_restore: from TOC entry 7; 1259 2 INDEX c postgres
pg_restore: error: could not execute query: ERROR:  three
Command was: CREATE INDEX c;
pg_restore: warning: errors ignored on restore: 5
`;
const MESSAGE = 'one of these: ERROR:  one | ERROR:  two. HINT:  Try.';

test('entries whose errors come side by side have the messages of all of them', () => {
  expect(reportOf(OF_JOBS)).toMatchObject({
    rejected: [
      { id: 5, message: MESSAGE },
      { id: 6, message: MESSAGE },
      { id: 7, message: 'ERROR:  three' },
    ],
    isComplete: true,
  });
});

test.each([
  ['an error and its entry are not read', /from TOC entry 7.*\n.*three\n/],
  ['an error of a job and its entry are not read', /from TOC entry 6.*\n|could.* two\n/g],
  ['an entry is read without its error', /could not execute query: ERROR: {2}two\n/],
  ['a level is read without its text', /could not .* three\nCommand.*\n/],
])('a pg_restore has lost errors when %s', (_, part) => {
  expect(reportOf(OF_JOBS.replace(part, '\n'))).toMatchObject({
    isComplete: false,
    lost: true,
    fatal: undefined,
    counted: 5,
  });
});

test('an error of a server that speaks another language is read', () => {
  const text = `pg_restore: from TOC entry 5; 0 0 INDEX a o
pg_restore: error: could not execute query: FEHLER:  Relation »a« existiert bereits
pg_restore: warning: errors ignored on restore: 1\n`;
  const message = 'FEHLER:  Relation »a« existiert bereits';
  expect(reportOf(text)).toMatchObject({ rejected: [{ id: 5, message }], isComplete: true });
});

test.each([
  [
    'the session ended with a translated severity',
    'could not execute query: ВАЖНО:  завершение\nserver closed the connection unexpectedly',
  ],
  ['the server ended the connection', 'could not execute query: FATAL:  terminating connection'],
  ['the connection was lost', 'could not execute query: server closed the connection unexpectedly'],
  ['the archive cannot be read', 'could not read from input file: end of file'],
  ['a worker was killed', 'a worker process died unexpectedly'],
])('a pg_restore is not complete when %s', (_, line) => {
  const text = OF_15.replace(
    'pg_restore: creating TRIGGER',
    `pg_restore: from TOC entry 7; 0 0 x\npg_restore: error: ${line}\n$&`,
  );
  expect(reportOf(text)).toMatchObject({
    isComplete: false,
    fatal: expect.stringContaining(line.split('\n').at(-1) ?? ''),
  });
});

test('a pg_restore that did not come to its end is not complete', () => {
  const text = OF_15.slice(0, OF_15.indexOf('pg_restore: warning'));
  expect(reportOf(text)).toMatchObject({ isComplete: false, lost: false, rejectedTotal: 2 });
});

test('a thousand entries are listed, and all are counted', () => {
  const one = (id: number) => `pg_restore: from TOC entry ${id}; 0 0 INDEX i o
pg_restore: error: could not execute query: ERROR:  x\n`;
  const text = Array.from({ length: 1500 }, (_, id) => one(id)).join('');
  const report = reportOf(`${text}pg_restore: warning: errors ignored on restore: 1500\n`);
  expect(report.rejected).toHaveLength(1000);
  expect(report).toMatchObject({ rejectedTotal: 1500, isComplete: true });
});
