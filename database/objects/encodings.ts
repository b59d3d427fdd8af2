/** PostgreSQL's names of encodings that the platform can decode. */
const LABELS: Readonly<Record<string, string>> = {
  LATIN1: 'iso-8859-1',
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  LATIN5: 'iso-8859-9',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  LATIN10: 'iso-8859-16',
  ISO_8859_5: 'iso-8859-5',
  ISO_8859_6: 'iso-8859-6',
  ISO_8859_7: 'iso-8859-7',
  ISO_8859_8: 'iso-8859-8',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  WIN866: 'ibm866',
  WIN874: 'windows-874',
  EUC_JP: 'euc-jp',
  EUC_KR: 'euc-kr',
  EUC_CN: 'gbk',
};

const IS_ASCII = /^[\0-\x7f]*$/;

/** Decodes texts of an encoding of PostgreSQL; gives undefined for a text that it cannot decode. */
export function decoderOf(encoding: string): (text: Uint8Array) => string | undefined {
  const windows = /^WIN(125\d)$/.exec(encoding)?.[1];
  // Names in a database with SQL_ASCII are usually UTF-8.
  const isUnicode = encoding === 'UTF8' || encoding === 'SQL_ASCII';
  const label = isUnicode ? 'utf-8' : windows ? `windows-${windows}` : LABELS[encoding];
  const decoder = label === undefined ? undefined : new TextDecoder(label, { fatal: true });
  return (text) => {
    const ascii = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1');
    if (IS_ASCII.test(ascii)) return ascii;
    try {
      return decoder?.decode(text);
    } catch {
      return undefined;
    }
  };
}
