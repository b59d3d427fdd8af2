import { StowageError } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { lackingContents, type NamedContents } from '../../backup-set/restore/phases.ts';
import type { ClusterContext } from '../context.ts';

/**
 * The context of a restore of these contents: its configuration has no other servers, so the
 * restore connects to, locks and marks none of them, and they may be down.
 * @throws StowageError `usage/flag` when the configuration lacks one, or the flavour has no
 * contents that can be restored alone.
 */
export function onlyContents(
  context: ClusterContext,
  contents: readonly number[] | undefined,
): ClusterContext {
  if (contents === undefined) return context;
  const { config } = context;
  const where = { field: 'content' };
  const { noSingleContents } = formatOf(config.flavour);
  if (noSingleContents !== undefined)
    throw new StowageError('usage/flag', `--content: ${noSingleContents}`, { where });
  const segments = config.segments.filter(({ content }) => contents.includes(content));
  const lacking = contents.find((wanted) => !segments.some(({ content }) => content === wanted));
  if (lacking !== undefined)
    throw new StowageError(
      'usage/flag',
      `--content: the configuration has no segment with content ${lacking}. Add its server to segments`,
      { where },
    );
  return { ...context, config: { ...config, segments } };
}

/** @throws StowageError `restore/refused` naming a content that the set lacks. */
export function requireContents(request: NamedContents, manifest: Manifest): void {
  const [lacking] = lackingContents(request, manifest);
  if (lacking === undefined) return;
  const { content, message } = lacking;
  const where = { set: manifest.timestamp, content };
  throw new StowageError('restore/refused', `--content: ${message}`, { where });
}
