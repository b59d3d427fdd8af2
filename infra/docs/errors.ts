/** Prints docs/errors.md from the table of errors: `node infra/docs/errors.ts > docs/errors.md`. */
import { ERRORS } from '../../backup-set/base/errors.ts';

const MEANING: Readonly<Record<number, string>> = {
  0: 'success: everything that was asked for is done and proven',
  1: 'a defect in Stowage',
  2: 'the command line or the configuration is wrong; nothing was tried',
  3: 'a set, a backup or a restore is not whole; what is missing or bad is named',
  4: 'not found, or refused; nothing was changed',
  5: 'the object store',
  6: 'a database',
  130: 'ended by a signal',
};

/** The page, as it must stand in docs/errors.md. */
export function errorsPage(): string {
  const entries = Object.entries(ERRORS);
  const exits = [...new Set([0, ...entries.map(([, { exit }]) => exit)])].sort((a, b) => a - b);
  return `# Errors

Printed from \`backup-set/base/errors.ts\` by \`node infra/docs/errors.ts\`; change it there.

Every failure has a code, which never changes its meaning, and leads to one exit code. With \`--json\` the code stands in
\`error.code\`, and what is known of the place in \`error.where\`: set, content, relation, object, offset, field.

## Exit codes

| exit | meaning |
|---|---|
${exits.map((exit) => `| ${exit} | ${MEANING[exit] ?? ''} |`).join('\n')}

## Codes

| code | exit | what to do |
|---|---|---|
${entries.map(([code, { exit, hint }]) => `| \`${code}\` | ${exit} | ${hint} |`).join('\n')}
`;
}

if (import.meta.main) process.stdout.write(errorsPage());
