import { together } from '../../../../async/together.ts';
import { messageOf, type StowageError } from '../../../../backup-set/base/errors.ts';
import type { ObjectStore } from '../../../../storage/store.ts';
import type { ClusterContext } from '../../../context.ts';
import { readDefinitions, type ScriptDefinitions } from '../../archive/script-objects.ts';
import { type StoredStream, storeStream } from '../../convert/adopt-stream.ts';
import { relationKey, type SourcePart } from '../../convert/source.ts';
import { decompressedStream } from '../../files/decompressed.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import type { SetProblem } from '../../set-problem.ts';
import { type DataSection, dataSections } from '../data-sections.ts';
import type { DumpReader } from '../read-set.ts';
import type { Fifo } from './fifo.ts';

/** What has come through the FIFOs. */
export interface Received {
  readonly stored: StoredStream;
  /** Gives what has come, once more. */
  readonly reader: DumpReader;
  /** The streams that are not whole. */
  readonly problems: readonly SetProblem[];
  /** Of the first rows. */
  readonly encoding: string | undefined;
}

interface SeenDump {
  readonly content: number;
  readonly sections: Omit<DataSection, 'rows'>[];
  failure?: string;
}

const COORDINATOR = -1;

/** Stores the rows of all segments, and keeps the definitions. Failures are kept, not thrown. */
export async function receive(
  context: ClusterContext,
  store: ObjectStore,
  timestamp: string,
  fifos: readonly Fifo[],
): Promise<Received> {
  const seen = new Map<string, SeenDump>();
  const definitions = new Map<string, ScriptDefinitions | string>();
  const segments = fifos.filter(({ content }) => content !== COORDINATOR);
  let stored: StoredStream | undefined;
  await together(context.signal, [
    async () => {
      const contents = segments.map((fifo) => {
        const into: SeenDump = { content: fifo.content, sections: [] };
        seen.set(fifo.name, into);
        return { content: fifo.content, read: () => partsOf(fifo, into) };
      });
      const streams = { contents, definitions: COORDINATOR };
      stored = await storeStream(context, store, timestamp, streams);
    },
    ...fifos
      .filter(({ content }) => content === COORDINATOR)
      .map((fifo) => async () => {
        definitions.set(fifo.name, await definitionsOf(fifo));
      }),
  ]);
  if (stored === undefined) throw new Error('the rows were not stored');
  const cut = [
    ...[...seen].map(([file, { content, failure }]) => ({ file, content, message: failure })),
    ...[...definitions].map(([file, found]) => ({
      file,
      message: typeof found === 'string' ? found : undefined,
    })),
  ];
  return {
    stored: { ...stored, failures: stored.failures.filter(({ error }) => !isOfSource(error)) },
    problems: cut.flatMap(({ message, ...at }) =>
      message === undefined ? [] : [{ ...at, message }],
    ),
    reader: readerOf(definitions, seen, stored),
    encoding: [...seen.values()].flatMap(({ sections }) => sections)[0]?.encoding,
  };
}

/** It is among the problems, with the name of its file. */
const isOfSource = (error: StowageError) => error.code === 'adopt/unsound';

const textOf = (fifo: Fifo) =>
  decompressedStream(fifo.chunks(), fifo.file.isGzip ? 'gzip' : 'none');

/** gp_dump must notice that what it writes is not taken. */
const NOT_TAKEN = 'its rows were not stored';

async function* partsOf(fifo: Fifo, into: SeenDump): AsyncGenerator<SourcePart> {
  let isWhole = false;
  try {
    for await (const { rows, ...section } of dataSections(textOf(fifo))) {
      into.sections.push(section);
      yield { ...section, rows: noting(rows, into) };
    }
    isWhole = true;
  } catch (error) {
    into.failure ??= messageOf(error);
    throw error;
  } finally {
    if (!isWhole) {
      into.failure ??= NOT_TAKEN;
      fifo.giveUp(into.failure);
    }
  }
}

/** The consumer of the rows sees their failure, and not this generator. */
async function* noting(rows: AsyncIterable<Buffer>, into: SeenDump): AsyncGenerator<Buffer> {
  try {
    yield* rows;
  } catch (error) {
    into.failure ??= messageOf(error);
    throw error;
  }
}

async function definitionsOf(fifo: Fifo): Promise<ScriptDefinitions | string> {
  const section = fifo.file.kind === 'dump' ? 'pre-data' : 'post-data';
  try {
    return await readDefinitions(textOf(fifo), section);
  } catch (error) {
    fifo.giveUp(messageOf(error));
    return messageOf(error);
  }
}

function readerOf(
  definitions: ReadonlyMap<string, ScriptDefinitions | string>,
  seen: ReadonlyMap<string, SeenDump>,
  { counted }: StoredStream,
): DumpReader {
  return {
    async definitions({ name }) {
      const found = definitions.get(name) ?? 'it is not in the list of pipes';
      if (typeof found === 'string') throw new UnsoundScript(found);
      return found;
    },
    async sections({ name }, onCounted) {
      const dump = seen.get(name);
      if (dump === undefined) throw new UnsoundScript('it is not in the list of pipes');
      const sums = new Map(counted.get(dump.content)?.map((one) => [relationKey(one), one]));
      for (const section of dump.sections) {
        const sum = sums.get(relationKey(section));
        if (sum !== undefined) onCounted({ ...section, ...sum });
      }
      if (dump.failure !== undefined) throw new UnsoundScript(dump.failure);
    },
  };
}
