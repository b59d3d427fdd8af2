import type { Exported, RowSource } from '../source.ts';
import type { Compression } from '../to/compressed.ts';

export async function* formattedParquet(
  _source: RowSource,
  _options: { readonly strings: readonly string[]; readonly compression: Compression },
  _exported: Exported,
): AsyncGenerator<Uint8Array> {}
