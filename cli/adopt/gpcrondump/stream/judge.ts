import type { ClusterContext } from '../../../context.ts';
import type { AdoptedSource } from '../../convert/source.ts';
import { type SetProblem, UnsoundSet } from '../../set-problem.ts';
import { asSource } from '../as-source.ts';
import type { ResolvedSet } from '../chain.ts';
import type { FoundFile } from '../find-files.ts';
import { type GpcrondumpSet, readSet } from '../read-set.ts';
import type { ListedSet } from './lists.ts';
import type { Received } from './receive.ts';

/** What is known when gpcrondump has ended. */
export interface EndedStream {
  readonly listed: ListedSet;
  /** The small files and, for each FIFO, an entry of its name. */
  readonly files: readonly FoundFile[];
  readonly received: Received;
  /** What was found already. */
  readonly problems: readonly SetProblem[];
  /** False: nothing tells whether the globals are still to come. */
  readonly isEndKnown: boolean;
}

/** A streamed set as a source. It always gives one: rows are stored, and need a plan. */
export async function judgeStream(
  context: ClusterContext,
  stream: EndedStream,
): Promise<{ readonly source: AdoptedSource; readonly problems: readonly SetProblem[] }> {
  const { listed, files, received, problems } = stream;
  const { timestamp } = listed;
  try {
    // An interrupted stream is judged, too: its small files are not read.
    context.signal.throwIfAborted();
    const set = await readSet(files, timestamp, context.signal, received.reader);
    const all = [...problems, ...set.problems, ...increments(set)];
    const source = await asSource(resolved({ ...set, problems: all }, listed));
    return { source: stream.isEndKnown ? source : withoutGlobals(source, set), problems: all };
  } catch (error) {
    if (!context.signal.aborted && !(error instanceof UnsoundSet)) throw error;
    const found = error instanceof UnsoundSet ? error.problems : [];
    const named = new Set(found.map(({ file }) => file));
    const cut = received.problems.filter(({ file }) => !named.has(file));
    const all = [...problems, ...cut, ...found];
    return { source: unjudged(context, stream, all), problems: all };
  }
}

function increments({ increment, timestamp }: GpcrondumpSet): SetProblem[] {
  if (increment === undefined) return [];
  const message =
    'it is an increment: the rows of its other tables are in older sets. Stream a full dump, or adopt the increment from its files';
  return [{ file: `gp_dump_${timestamp}.rpt`, message }];
}

/** The contents under which the rows were stored; the report may number them otherwise. */
function resolved(set: GpcrondumpSet, { dumps }: ListedSet): ResolvedSet {
  const contents = new Map(dumps.map(({ name, content }) => [name, content]));
  const segments = set.segments
    .map((segment) => ({ ...segment, content: contents.get(segment.file) ?? segment.content }))
    .sort((a, b) => a.content - b.content);
  return {
    ...set,
    segments,
    takenFrom: (content) =>
      segments.flatMap(({ content: own, dump, file, sections }) =>
        own === content && dump !== undefined ? [{ dump, file, sections }] : [],
      ),
  };
}

function withoutGlobals(source: AdoptedSource, { globals }: GpcrondumpSet): AdoptedSource {
  if (globals !== undefined) return source;
  const lost = { kind: 'globals', name: '(no file gp_global was there)' };
  const leftOut = [...(source.source.leftOut ?? []), lost];
  return { ...source, source: { ...source.source, leftOut } };
}

/** Rows without definitions: the set is incomplete, and says why. */
function unjudged(
  { config }: ClusterContext,
  { listed, received }: EndedStream,
  problems: readonly SetProblem[],
): AdoptedSource {
  const { timestamp, dumps } = listed;
  const master = dumps.find(({ content }) => content === -1);
  const version = master?.file.hasNewName === true ? '5' : '4';
  const { port = 5432 } = config.coordinator ?? {};
  const place = `${master?.host}:${master?.path.slice(0, master.path.lastIndexOf('/'))}`;
  return {
    timestamp,
    database: config.database,
    source: {
      tool: 'gpcrondump',
      version,
      timestamp,
      place,
      options: '',
      counted: 'adoption',
    },
    serverVersion: version,
    encoding: received.encoding ?? 'UTF8',
    coordinator: { host: master?.host ?? 'unknown', port },
    metadata: [],
    contents: dumps
      .filter(({ content }) => content >= 0)
      .sort((a, b) => a.content - b.content)
      .map(({ content, host }) => ({
        content,
        host,
        port,
        relations: received.stored.counted.get(content) ?? [],
        async *read() {},
      })),
    partitionRoots: new Map(),
    failures: problems.map(({ file, content, message }) => ({
      content,
      message: `${file}: ${message}`,
    })),
  };
}
