import { isSecretName, printedValue, redactor } from '../../backup-set/messages/secrets.ts';
import { problemLines } from '../../segment-shipper/config-file/config-error.ts';
import type { Flags, PlainCommand } from '../command.ts';
import { leavesOf, type Origin, type ReadConfig, readConfig } from '../config/config.ts';
import type { Context } from '../context.ts';
import { printable } from '../output/format.ts';
import { type Column, table } from '../output/table/table.ts';

export const configCommand: PlainCommand = {
  usage: 'config',
  summary: 'print all settings and where each came from (flag > environment > file > default)',
  details: `Of a configuration with mistakes it prints the values that were given, then every mistake, and exits with 2.
Users and passwords in URLs, and values of fields that are named like secrets, are not printed.`,
  flags: [],
  async run({ flags, context }) {
    const read = await readConfig({
      env: context.env,
      file: textOf(flags, 'config'),
      flags: { root: flags['root'], 'storage.endpoint': flags['endpoint'] },
    });
    printConfig(context, read);
    return read.problems.length === 0 ? 0 : 2;
  },
};

function printConfig(
  { output, env }: Context,
  { config, values, sources, problems }: ReadConfig,
): void {
  // Before the table: it may fold a secret over two lines.
  const redact = redactor(env);
  const fields = [...leavesOf(config ?? values)].map(({ field, value }) => {
    const from: Origin = sources.get(field) ?? { source: 'default', name: '' };
    const shown = redact(JSON.stringify(masked(lastOf(field), value)) ?? 'null');
    return { field: redact(field), value: JSON.parse(shown) as unknown, ...from };
  });
  const rows = fields.map(({ field, value, ...from }) => [
    field,
    JSON.stringify(value) ?? '',
    { text: originText(from), tone: from.source === 'default' ? ('dim' as const) : undefined },
  ]);
  const isBroken = problems.length > 0;
  output.result(
    { fields, ...(isBroken && { problems }) },
    [
      table(COLUMNS, rows, output.screen),
      ...(isBroken ? ['', ...problemLines(problems).map(printable)] : []),
    ].join('\n'),
  );
}

const COLUMNS: readonly Column[] = [
  { title: 'field', min: 20, cut: 'fold' },
  { title: 'value', align: 'left', min: 16, cut: 'fold' },
  { title: 'from', align: 'left', min: 12, cut: 'start' },
];

function originText({ source, name, line }: Origin): string {
  if (source === 'file') return `${name}:${line ?? 1}`;
  return `${source} ${name}`.trim();
}

function masked(field: string, value: unknown): unknown {
  if (isSecretName(field)) return '…';
  if (typeof value === 'string') return printedValue(field, value);
  return Array.isArray(value) ? value.map((one) => masked(field, one)) : value;
}

const lastOf = (field: string) => field.slice(field.lastIndexOf('.') + 1);

function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}
