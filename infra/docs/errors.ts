/**
 * Prints docs/errors.md from the tables of errors and problems:
 * `node infra/docs/errors.ts > docs/errors.md`.
 */
import { ERRORS } from '../../backup-set/base/errors.ts';
import { PROBLEMS } from '../../backup-set/base/verdict.ts';
import { WARNINGS } from '../../backup-set/unusual/warnings.ts';

const MEANING: Readonly<Record<number, string>> = {
  0: 'success: everything requested is done; for backup, validate and verify, the set is complete',
  1: 'a defect in Stowage',
  2: 'the command line or the configuration is wrong; nothing was started',
  3: 'a set is incomplete or damaged, or a backup or restore failed; the message names what is missing or damaged',
  4: 'not found, or refused; nothing was changed. For doctor: a check failed',
  5: 'the object store failed',
  6: 'a database failed',
  130: 'stopped by a signal, or because its output could not be written before the work was done',
};

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const entries = Object.entries(ERRORS);
  const exits = [...new Set([0, ...entries.map(([, { exit }]) => exit)])].sort((a, b) => a - b);
  return `# Errors

Printed from \`backup-set/base/errors.ts\` by \`node infra/docs/errors.ts\`; change it there.

Every failure has a code. A code never changes its meaning, and always leads to the same exit code. With \`--json\`,
\`error.code\` has the code, and \`error.where\` has the place as far as it is known: set, content, relation, object,
offset, field.

## Exit codes

| exit | meaning |
|---|---|
${exits.map((exit) => `| ${exit} | ${MEANING[exit] ?? ''} |`).join('\n')}

## Codes

| code | exit | what to do |
|---|---|---|
${entries.map(([code, { exit, hint }]) => `| \`${code}\` | ${exit} | ${hint} |`).join('\n')}

## Codes of problems

Verdicts, restore receipts and outcomes list problems (\`problems[]\`). A line for people ends with the code of its
problem: \`content 1: … (segment-failed)\`. When a failure caused the problem, the failure's code is in \`cause\`
and stands behind it: \`… (segment-failed: shipper/died)\`.

| code | meaning | what to do |
|---|---|---|
${rowsOf(PROBLEMS)}

## Codes of warnings

The verdict of \`validate\` lists what is unusual about a set (\`warnings[]\`; [Unusual sets](operations.md#unusual-sets)).
A warning changes neither the status of the set nor an exit code.

| code | meaning | what to do |
|---|---|---|
${rowsOf(WARNINGS)}
`;
}

function rowsOf(table: Readonly<Record<string, { meaning: string; hint: string }>>): string {
  return Object.entries(table)
    .map(([code, { meaning, hint }]) => `| \`${code}\` | ${meaning} | ${hint} |`)
    .join('\n');
}

if (import.meta.main) process.stdout.write(errorsPage());
