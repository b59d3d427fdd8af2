import { parseArgs } from 'node:util';
import { messageOf } from '../backup-set/base/errors.ts';
import { withoutKeys } from '../backup-set/messages/secrets.ts';

const NAME = 'stowage-segment-shipper';
const CONFIG_DEFAULT = 'agent.yaml';

export const USAGE = `Usage: ${NAME}
       ${NAME} agent [--config FILE]

Without arguments it is the shipper of one segment. \`stowage\` starts it, and sends it one job
on standard input; it prints reports on standard output, one JSON document per line, and logs to
standard error.

With "agent" it stays resident, and takes the orders of the segments on this host from the bucket.

Options:
  --config FILE  configuration of the agent (default: ./${CONFIG_DEFAULT}); see docs/agents.md
  -h, --help     print this text
  -V, --version  print the version

Environment:
  STOWAGE_LOG    log messages of this level and above: debug, info, warn, error, silent
                 (default: warn; with "agent": info)

Exit codes: 0 done, 2 wrong flags or configuration; docs/errors.md has the others.
`;

/** What the arguments ask for. */
export type ShipperCommand =
  | { readonly kind: 'shipper' }
  | { readonly kind: 'agent'; readonly config: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong'; readonly message: string };

export function parseCommand(args: readonly string[]): ShipperCommand {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'V' },
      },
      allowPositionals: true,
    });
    if (values.help === true) return { kind: 'help' };
    if (values.version === true) return { kind: 'version' };
    const [word, surplus] = positionals;
    if (word !== undefined && word !== 'agent')
      return { kind: 'wrong', message: `unknown command ${JSON.stringify(word)}` };
    if (surplus !== undefined)
      return { kind: 'wrong', message: `unexpected argument ${JSON.stringify(surplus)}` };
    if (word === 'agent') return { kind: 'agent', config: values.config ?? CONFIG_DEFAULT };
    if (values.config !== undefined)
      return { kind: 'wrong', message: '--config is an option of the command agent' };
    return { kind: 'shipper' };
  } catch (error) {
    // parseArgs adds advice to its first sentence.
    const [message = ''] = messageOf(error).split(/\. |\n/);
    return { kind: 'wrong', message: message.charAt(0).toLowerCase() + message.slice(1) };
  }
}

/** Lines for standard error; control characters of a file must not move the cursor. */
export function usageText(lines: readonly string[]): string {
  const text = lines.map((line) => withoutKeys(line).replaceAll(/\p{Cc}/gu, '?')).join('\n');
  return `${NAME}: ${text}\n`;
}

/** One line for standard error. */
export function usageLine(message: string): string {
  return `${NAME}: ${withoutKeys(message).replace(/\.$/, '')} (--help prints the usage)\n`;
}
