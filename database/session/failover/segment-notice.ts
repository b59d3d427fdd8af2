import type { Client } from 'pg';
import type { ConnectionTarget } from '../../flavour.ts';
import { connectionOf } from '../pg-internals.ts';
import type { SessionOptions } from '../session-types.ts';
import { SEGMENT_LOST } from './named-segment.ts';

/**
 * Whether the coordinator is to send the messages of its log, too. When a COPY loses a segment,
 * only the log names it, and the segment may have restarted before the error arrives.
 */
export const hearsLog = ({ content, greenplum }: ConnectionTarget, { purpose }: SessionOptions) =>
  greenplum !== undefined && content === -1 && (purpose === 'backup' || purpose === 'restore');

/** In a message of the log, as Greenplum 6.24.3 says it. */
const COPY_LOST =
  /error occurred while ending COPY: Primary segment (\d+), dbid \d+, with error: (.*)/;

/** Adds the segment that a message of the log has named to the error that follows it. */
export function nameSegmentsOf(client: Client): void {
  let lost: string | undefined;
  client.on('notice', ({ message }) => {
    const [, content, reason] = COPY_LOST.exec(message ?? '') ?? [];
    if (content !== undefined) lost ??= `lost: content ${content} (${reason})`;
  });
  // Before the client connects, so that it is called before the client's own listener.
  connectionOf(client).on('errorMessage', (error) => {
    if (lost !== undefined && error.code === SEGMENT_LOST) error.message += `; ${lost}`;
    lost = undefined;
  });
}
