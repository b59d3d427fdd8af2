/** Names of fields whose values are never printed; names of files are no secrets. */
const SECRET_NAME = /pass(?:word|wd|phrase)?|secret|credential|access_?key|api_?key|^token$/i;

export const isSecretName = (field: string) => SECRET_NAME.test(field) && !/file$/i.test(field);

/** The field `url` of a webhook: of chat services, what follows the host is a secret. */
const URL_FIELD =
  /(\burl["']?\s*:\s*["']?(?:[a-z][a-z0-9+.-]*:\/\/)?[^\s/"',}]+)\/(?!\/)[^\s"',}]+/gi;

/**
 * The secret key of an identity of age, or that signs orders, wherever an operator has put it. Not
 * the beginning that our own messages have.
 */
const SECRET_KEY = /(AGE-SECRET-KEY|STOWAGE-SIGNING-KEY)-[0-9A-Z-]{2,}/gi;

export const hasSecretKey = (text: string) => text.search(SECRET_KEY) !== -1;

/** Every error, and all text that a program prints for people, passes this: see `redactor`. */
export const withoutKeys = (text: string) =>
  text.replace(SECRET_KEY, (_, kind: string) => `${kind.toUpperCase()}-…`);

/** Secrets of S3 that a message of a program or library could quote. */
const SECRET_VARIABLES = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;
/** A shorter value is a word of a test server. To replace it would make texts unreadable. */
const SECRET_CHARS_MIN = 16;
const BEGINNING_CHARS = 12;

/**
 * For the edges of a program, where it prints results, events, errors and its log: removes secret
 * keys of age, and the secrets of S3 in its environment. Rows of a database never pass it.
 */
export function redactor(
  env: Readonly<Record<string, string | undefined>>,
): (text: string) => string {
  const known = SECRET_VARIABLES.flatMap((name) => env[name] ?? []).filter(
    (value) => value.length >= SECRET_CHARS_MIN,
  );
  return (text) => known.reduce(withoutSecret, withoutKeys(text));
}

/** Also without its beginning, where a message was shortened. */
function withoutSecret(text: string, secret: string): string {
  const begins = secret.slice(0, BEGINNING_CHARS);
  const [first = '', ...others] = text.split(begins);
  const rest = secret.slice(begins.length);
  return others.reduce((done, piece) => {
    let same = 0;
    while (same < rest.length && piece[same] === rest[same]) same += 1;
    return `${done}…${piece.slice(same)}`;
  }, first);
}

/** A destination of a log that passes each line through a redactor. */
export function redacted(
  stream: { write(text: string): unknown },
  redact: (text: string) => string,
): { write(text: string): void } {
  return { write: (text) => void stream.write(redact(text)) };
}

/**
 * A text without secret keys, users and passwords of URLs, and what follows a secret's name: after
 * a colon, or where the colon was forgotten.
 */
export function withoutSecrets(given: string): string {
  // First: the key itself looks like the name of a secret.
  const text = withoutKeys(given);
  const names = text.matchAll(/(["']?)([\w.-]+)\1(?:\s*[:=]\s*|\s+)(?=\S)/g);
  for (const { 0: whole, 2: name = '', index } of names)
    if (isSecretName(name)) return `${withoutSecrets(text.slice(0, index))}${whole}…`;
  return text
    .replace(/([a-z0-9+.-]*:\/\/)?[^\s"'/]*:[^\s"']*@/gi, '$1…@')
    .replace(URL_FIELD, '$1/…');
}

/** A value of a field, for people. */
export function printedValue(field: string, value: string): string {
  if (isSecretName(field)) return '…';
  const before = field === 'url' ? 'url: ' : '';
  return withoutSecrets(`${before}${value}`).slice(before.length);
}
