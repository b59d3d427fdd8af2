/** Types of several words: PostgreSQL writes them without quotes. */
const LONG_TYPES =
  /^(?:double precision|character varying|bit varying|national character(?: varying)?|time(?:\(\d+\))? with(?:out)? time zone|timestamp(?:\(\d+\))? with(?:out)? time zone|interval (?:year|month|day|hour|minute|second)\b)/;
const NAME = /^(?:"(?:[^"]|"")*"|[^\s"(,]+) /;
const MODE = /^(?:IN|INOUT|VARIADIC) /;
const OUT_ONLY = /^(?:OUT|TABLE) /;

/**
 * `f(x integer, VARIADIC "y z" text[])` → `f(integer, text[])`: pg_dump tags a function with the
 * types of its arguments alone.
 */
export function withoutArgumentNames(signature: string): string {
  const open = openingOf(signature);
  if (open === -1 || !signature.endsWith(')')) return signature;
  const types = argumentsOf(signature.slice(open + 1, -1))
    .filter((argument) => !OUT_ONLY.test(argument))
    .map(typeOf);
  return `${signature.slice(0, open)}(${types.join(', ')})`;
}

function typeOf(argument: string): string {
  const rest = argument.replace(MODE, '');
  if (LONG_TYPES.test(rest)) return rest;
  const named = rest.replace(NAME, '');
  return named === '' ? rest : named;
}

/** The parenthesis behind the name, which may be quoted and have one itself. */
function openingOf(signature: string): number {
  const quoted = /^"(?:[^"]|"")*"/.exec(signature)?.[0].length ?? 0;
  return signature.indexOf('(', quoted);
}

/** Splits at commas outside of quotes and parentheses. */
function argumentsOf(text: string): string[] {
  const found: string[] = [];
  let [depth, start, quoted] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (char === '(' || char === '[') depth += 1;
    else if (char === ')' || char === ']') depth -= 1;
    else if (char === ',' && depth === 0) {
      found.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = text.slice(start).trim();
  return last === '' ? found : [...found, last];
}
