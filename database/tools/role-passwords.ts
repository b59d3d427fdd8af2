import { Transform } from 'node:stream';

/**
 * Takes the passwords, which are hashes, out of what pg_dumpall writes. For Greenplum: 6 has no `--no-role-passwords` yet,
 * and that of 7 loses the comments on roles. Globals are small: the text is held until its end, as a role's name may span lines.
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
