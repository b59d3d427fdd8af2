import { UnsoundScript } from './unsound.ts';

const ENCODINGS = ['SJIS', 'SHIFT_JIS_2004', 'BIG5', 'GBK', 'GB18030', 'UHC', 'JOHAB'];

/**
 * In these client encodings a byte of a character can be that of an ASCII sign, as a backslash.
 * Values cannot be cut at signs then. Rows of COPY text need not be cut.
 * @throws UnsoundScript
 */
export function refuseAsciiBytes(encoding: string): void {
  if (ENCODINGS.includes(encoding.toUpperCase()))
    throw new UnsoundScript(`its client_encoding ${encoding} cannot be read: dump with UTF8`);
}
