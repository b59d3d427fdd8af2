import { StowageError } from '../../../backup-set/base/errors.ts';

/**
 * Encodings whose table here is that of PostgreSQL. Not those for which the platform has the table
 * of Windows (LATIN5, EUC_CN as GBK, …): it would change bytes without an error.
 */
const DECODERS: Readonly<Record<string, string>> = {
  LATIN2: 'iso-8859-2',
  LATIN4: 'iso-8859-4',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN9: 'iso-8859-15',
  ISO_8859_5: 'iso-8859-5',
  KOI8R: 'koi8-r',
  WIN866: 'ibm866',
  WIN1250: 'windows-1250',
  WIN1251: 'windows-1251',
  WIN1252: 'windows-1252',
};

/** Bytes of these are UTF-8, or have no encoding: they are left as they are. */
export const LEFT = ['UTF8', 'SQL_ASCII'];

/** Converts chunks, each of which may end inside a character. */
export interface Transcoder {
  convert(chunk: Uint8Array): Uint8Array;
  /** @throws StowageError `export/impossible` when the last character has no end. */
  end(): void;
}

/**
 * From the encoding of a database to another one. Equal encodings: nothing is converted.
 * @throws StowageError `export/impossible` when it cannot be done exactly.
 */
export function transcoder(from: string, to: string): Transcoder {
  if (from === to || (to === 'UTF8' && LEFT.includes(from)))
    return { convert: (chunk) => chunk, end: () => undefined };
  if (to !== 'UTF8')
    throw impossible(
      `the rows are in ${from} and cannot be written in ${to}: leave --encoding out, or use --encoding UTF8`,
    );
  if (from === 'LATIN1')
    return { convert: (chunk) => Buffer.from(latin1(chunk), 'utf8'), end: () => undefined };
  const label = Object.hasOwn(DECODERS, from) ? DECODERS[from] : undefined;
  if (label === undefined)
    throw impossible(
      `the rows are in ${from}, which this program cannot convert to UTF8: leave --encoding out, or export from a server, which converts by itself`,
    );
  return byDecoder(from, new TextDecoder(label, { fatal: true, ignoreBOM: true }));
}

const latin1 = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1');

function byDecoder(from: string, decoder: InstanceType<typeof TextDecoder>): Transcoder {
  const decode = (chunk: Uint8Array | undefined) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw new StowageError(
        'export/impossible',
        `the rows have bytes that are no characters of ${from}: leave --encoding out`,
        { cause },
      );
    }
  };
  return {
    convert: (chunk) => Buffer.from(decode(chunk), 'utf8'),
    end: () => void decode(undefined),
  };
}

function impossible(message: string): StowageError {
  return new StowageError('export/impossible', message, { where: { field: 'encoding' } });
}
