import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { OfferedBase } from '../backup/carry/offered-base.ts';
import type { RateLimit } from '../rate/throttle.ts';
import { type AnnouncedOrder, Instruction } from './control.ts';
import { parseLine } from './ndjson.ts';

const coordinatorDied = () => new StowageError('interrupted', 'the coordinator has died');

/**
 * Follows the instructions to a backup. The coordinator keeps standard input open as long as it
 * lives, so the end of the lines means that it has died.
 */
export async function watchCoordinator(
  lines: AsyncIterable<string>,
  stop: AbortController,
  noMorePrograms: AbortController,
  limit: RateLimit,
  base?: OfferedBase,
): Promise<void> {
  try {
    for await (const line of lines) {
      const instruction = parseLine(line, Instruction);
      if (instruction.type === 'end') noMorePrograms.abort();
      if (instruction.type === 'rate') limit.setRate(instruction.bytesPerSecond);
      if (instruction.type === 'base') base?.add(instruction);
      if (instruction.type === 'base-end') base?.end();
    }
  } catch (error) {
    // Any other error is a broken pipe, which means the same as its end.
    if (isStowageError(error, 'shipper/protocol')) stop.abort(error);
  }
  stop.abort(coordinatorDied());
}

/**
 * The orders of a restore, as the coordinator announces them, until it sends `end`. Lines are read
 * ahead, so that the end of standard input is noticed while an order runs: without `end`, the
 * coordinator has died.
 */
export async function* announcedOrders(
  lines: AsyncGenerator<string>,
  stop: AbortController,
  limit: RateLimit,
): AsyncGenerator<AnnouncedOrder> {
  const waiting: AnnouncedOrder[] = [];
  let ended = false;
  let wake = () => {};
  const reading = (async () => {
    try {
      for await (const line of lines) {
        const instruction = parseLine(line, Instruction);
        if (instruction.type === 'end') {
          ended = true;
          return;
        }
        if (instruction.type === 'rate') {
          limit.setRate(instruction.bytesPerSecond);
          continue;
        }
        if (instruction.type !== 'order') continue;
        waiting.push(instruction);
        wake();
      }
      stop.abort(coordinatorDied());
    } catch (error) {
      stop.abort(error);
    }
  })().finally(() => wake());
  for (;;) {
    const next = waiting.shift();
    if (next !== undefined) yield next;
    else if (ended || stop.signal.aborted) break;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
  await reading;
  stop.signal.throwIfAborted();
}
