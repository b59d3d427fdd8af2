import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import type { Environment } from './proxy-for.ts';

/**
 * The certificates that servers are checked against, as PEM text: those of `storage.caFile`, else
 * those of AWS_CA_BUNDLE, else undefined for Node's own. As with the AWS command line, the file
 * replaces Node's.
 * @throws StowageError `config/invalid` naming setting and file.
 */
export function authorities(caFile: string | undefined, env: Environment): string | undefined {
  const [name, path] =
    caFile === undefined
      ? ['AWS_CA_BUNDLE', env['AWS_CA_BUNDLE'] ?? '']
      : ['storage.caFile', caFile];
  if (path === '') return undefined;
  try {
    const text = readFileSync(path, 'utf8');
    // Throws unless the first certificate can be read.
    new X509Certificate(text);
    return text;
  } catch (cause) {
    const reason = isErrno(cause)
      ? messageOf(cause)
      : `it has no certificate in PEM form (${messageOf(cause)})`;
    throw new StowageError('config/invalid', `${name}: cannot use ${path}: ${reason}`, {
      cause,
      where: { field: name },
    });
  }
}

const isErrno = (error: unknown) => error instanceof Error && 'syscall' in error;
