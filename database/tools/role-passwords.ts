import { Transform } from 'node:stream';

/**
 * Removes the password hashes from the output of pg_dumpall. For Greenplum: 6 does not have
 * `--no-role-passwords`, and in 7 this option loses the comments on roles. All text is kept in
 * memory, because a role's name may contain line breaks; globals are small.
 */
export function withoutPasswords(): Transform {
  const chunks: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
    flush(done) {
      // latin1 keeps every byte, whatever the encoding of the text.
      done(null, Buffer.from(stripPasswords(Buffer.concat(chunks).toString('latin1')), 'latin1'));
    },
  });
}

const PASSWORD_OF_ROLE =
  /^(ALTER ROLE (?:"(?:[^"]|"")*"|[^\s"]+) WITH [A-Z0-9 -]*?) PASSWORD '(?:[^']|'')*'/gm;

export function stripPasswords(globals: string): string {
  return globals.replaceAll(PASSWORD_OF_ROLE, '$1');
}
