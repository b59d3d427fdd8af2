import type { ClusterCommand } from '../command.ts';
import { table } from '../output/table/table.ts';

export const configCommand: ClusterCommand = {
  usage: 'config',
  summary: 'print all settings and where each came from (flag > environment > file > default)',
  flags: [],
  cluster: () => ({}),
  run({ context }) {
    const { config, sources, output } = context;
    const fields = [...leavesOf(config)].map(([field, value]) => {
      const from = sources.get(field) ?? { source: 'default', name: '' };
      return { field, value, ...from };
    });
    output.result(
      { fields },
      table(
        ['field', 'value', 'from'],
        fields.map(({ field, value, source, name }) => [
          field,
          JSON.stringify(value),
          `${source} ${name}`.trim(),
        ]),
      ),
    );
    return Promise.resolve(0);
  },
};

/** A list counts as one value, because it is overridden as a whole. */
function* leavesOf(value: unknown, path: readonly string[] = []): Generator<[string, unknown]> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [name, inner] of Object.entries(value)) yield* leavesOf(inner, [...path, name]);
  } else {
    yield [path.join('.'), value];
  }
}
