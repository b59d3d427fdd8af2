import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import * as z from 'zod';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { describeIssue, fieldNames } from '../../backup-set/messages/issue.ts';

/**
 * The plugin configuration of gpbackup: all options are texts. It has no keys of a store: gpbackup
 * stores the file in the bucket.
 */
const PluginConfiguration = z.strictObject({
  executablepath: z.string().min(1),
  options: z
    .strictObject({
      /** A stowage.yaml on every host. */
      config: z.string().startsWith('/', 'must be an absolute path').exactOptional(),
      root: z.string().min(1).exactOptional(),
      endpoint: z.string().min(1).exactOptional(),
      region: z.string().min(1).exactOptional(),
      cluster: z.string().min(1).exactOptional(),
      /** Path of Node, which stowage-gpbackup-plugin reads. */
      node: z.string().min(1).exactOptional(),
      /** Every host must encrypt; with `off`, none. */
      encryption: z.enum(['on', 'off']).exactOptional(),
      restore_subset: z.enum(['on', 'off']).exactOptional(),
      // gpbackup adds these.
      pgport: z.string().exactOptional(),
      backup_plugin_version: z.string().exactOptional(),
    })
    .prefault({}),
});
export type PluginOptions = z.infer<typeof PluginConfiguration>['options'];

/** @throws StowageError `config/missing`, `config/invalid`. */
export async function readPluginOptions(path: string): Promise<PluginOptions> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StowageError(
      'config/missing',
      `cannot read the plugin configuration ${path}: ${messageOf(cause)}`,
      { cause },
    );
  }
  const invalid = (why: string, cause?: unknown) =>
    new StowageError('config/invalid', `plugin configuration ${path}: ${why}`, { cause });
  let values: unknown;
  try {
    values = parse(text);
  } catch (cause) {
    throw invalid('it is not YAML', cause);
  }
  const read = PluginConfiguration.safeParse(values);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw invalid(
      issue === undefined
        ? 'it is not valid'
        : describeIssue(issue, values, fieldNames(PluginConfiguration)),
    );
  }
  return read.data.options;
}
