/** Names of fields whose values are never printed; names of files are no secrets. */
const SECRET_NAME = /pass(?:word|wd|phrase)?|secret|credential|access_?key|api_?key|^token$/i;

export const isSecretName = (field: string) => SECRET_NAME.test(field) && !/file$/i.test(field);

/** The field `url` of a webhook: of chat services, what follows the host is a secret. */
const URL_FIELD =
  /(\burl["']?\s*:\s*["']?(?:[a-z][a-z0-9+.-]*:\/\/)?[^\s/"',}]+)\/(?!\/)[^\s"',}]+/gi;

/** The secret key of an identity of age, wherever an operator has put it. */
const SECRET_KEY = /AGE-SECRET-KEY-[0-9A-Z-]*/gi;

export const hasSecretKey = (text: string) => text.search(SECRET_KEY) !== -1;

/**
 * A text without secret keys, users and passwords of URLs, and what follows a secret's name: after
 * a colon, or where the colon was forgotten.
 */
export function withoutSecrets(text: string): string {
  const names = text.matchAll(/(["']?)([\w.-]+)\1(?:\s*[:=]\s*|\s+)(?=\S)/g);
  for (const { 0: whole, 2: name = '', index } of names)
    if (isSecretName(name)) return `${withoutSecrets(text.slice(0, index))}${whole}…`;
  return text
    .replace(SECRET_KEY, 'AGE-SECRET-KEY-…')
    .replace(/([a-z0-9+.-]*:\/\/)?[^\s"'/]*:[^\s"']*@/gi, '$1…@')
    .replace(URL_FIELD, '$1/…');
}

/** A value of a field, for people. */
export function printedValue(field: string, value: string): string {
  if (isSecretName(field)) return '…';
  const before = field === 'url' ? 'url: ' : '';
  return withoutSecrets(`${before}${value}`).slice(before.length);
}
