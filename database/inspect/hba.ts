import { BlockList, isIP } from 'node:net';

/** A client, by what pg_hba.conf compares. */
export interface HbaClient {
  readonly database: string;
  readonly user: string;
  /** The client's IP address: one of the server's own host. */
  readonly address: string;
  readonly tls: boolean;
}

/** How a pg_hba.conf treats a client: the first line that matches decides. */
export type Admission =
  | { readonly kind: 'decided'; readonly line: number; readonly method: string }
  /** Only the server knows whether this line matches. */
  | { readonly kind: 'unclear'; readonly line: number; readonly text: string }
  | { readonly kind: 'no line' };

interface Word {
  readonly text: string;
  /** A quoted word is a name, even if it equals a keyword. */
  readonly quoted: boolean;
}
type Field = readonly Word[];
type Fit = 'yes' | 'no' | 'perhaps';

/** Judges a TCP client on the server's own host, as every shipper on a segment host is. */
export function admissionOf(hba: string, client: HbaClient): Admission {
  for (const [index, text] of hba.split('\n').entries()) {
    const [type, databases, users, address, ...rest] = fieldsOf(text);
    if (
      type === undefined ||
      databases === undefined ||
      users === undefined ||
      address === undefined
    )
      continue;
    const { range, method } = rangeOf(textOf(address), rest);
    const fits = [
      fitsType(textOf(type), client.tls),
      anyWord(databases, (word) => fitsDatabase(word, client)),
      anyWord(users, (word) => fitsUser(word, client)),
      fitsAddress(range, client.address),
    ];
    const line = index + 1;
    if (fits.includes('no')) continue;
    if (fits.includes('perhaps')) return { kind: 'unclear', line, text: text.trim() };
    return { kind: 'decided', line, method };
  }
  return { kind: 'no line' };
}

/** Blanks separate words, commas the items of a list; quotes keep both; # begins a comment. */
function fieldsOf(line: string): Field[] {
  const fields: Word[][] = [];
  let continues = false;
  for (const [, quoted, plain, comma, comment] of line.matchAll(
    /"([^"]*)"|([^\s",#]+)|(,)|(#.*)/g,
  )) {
    if (comment !== undefined) break;
    if (comma !== undefined) {
      continues = true;
      continue;
    }
    const word = { text: quoted ?? plain ?? '', quoted: quoted !== undefined };
    if (continues) fields.at(-1)?.push(word);
    else fields.push([word]);
    continues = false;
  }
  return fields;
}

function textOf(field: Field | undefined): string {
  return field?.[0]?.text ?? '';
}

/** For an address without a prefix length, the next field is its mask. */
function rangeOf(
  address: string,
  [next, afterNext]: readonly Field[],
): { range: string; method: string } {
  if (isIP(address) === 0 || isIP(textOf(next)) === 0)
    return { range: address, method: textOf(next) };
  return { range: `${address}/${bitsIn(textOf(next))}`, method: textOf(afterNext) };
}

function bitsIn(mask: string): number {
  if (isIP(mask) === 6)
    return mask.split(':').reduce((sum, part) => sum + onesIn(Number.parseInt(part || '0', 16)), 0);
  return mask.split('.').reduce((sum, part) => sum + onesIn(Number(part)), 0);
}

function onesIn(value: number): number {
  return value.toString(2).replaceAll('0', '').length;
}

function fitsType(type: string, tls: boolean): Fit {
  if (type === 'host' || type === 'hostnogssenc') return 'yes';
  return type === (tls ? 'hostssl' : 'hostnossl') ? 'yes' : 'no';
}

function anyWord(words: Field, fits: (word: Word) => Fit): Fit {
  const found = words.map(fits);
  return found.find((fit) => fit === 'yes') ?? found.find((fit) => fit === 'perhaps') ?? 'no';
}

function fitsDatabase({ text, quoted }: Word, { database, user }: HbaClient): Fit {
  if (quoted) return text === database ? 'yes' : 'no';
  if (text === 'all' || text === database) return text === 'replication' ? 'no' : 'yes';
  if (text === 'sameuser') return user === database ? 'yes' : 'no';
  return text === 'samerole' || text === 'samegroup' || /^[@/]/.test(text) ? 'perhaps' : 'no';
}

function fitsUser({ text, quoted }: Word, { user }: HbaClient): Fit {
  if (text === user || (text === 'all' && !quoted)) return 'yes';
  return !quoted && /^[@+/]/.test(text) ? 'perhaps' : 'no';
}

function fitsAddress(range: string, address: string): Fit {
  // The client is on the server's own host, so its address is one of the server's.
  if (range === 'all' || range === 'samehost' || range === 'samenet') return 'yes';
  const [network = '', bits] = range.split('/');
  const family = isIP(network);
  if (family === 0) return 'perhaps';
  if (family !== isIP(address)) return 'no';
  const [version, longest] = family === 6 ? (['ipv6', 128] as const) : (['ipv4', 32] as const);
  const length = Number(bits ?? longest);
  if (!Number.isInteger(length) || length > longest) return 'perhaps';
  const list = new BlockList();
  list.addSubnet(network, length, version);
  return list.check(address, version) ? 'yes' : 'no';
}
