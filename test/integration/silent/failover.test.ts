import { expect, test } from 'vitest';
import { openSession } from '../../../database/session/session.ts';
import { failure, message, READY, startFakePostgres } from '../../support/servers/fake-postgres.ts';

const LOST = failure(
  '58M01',
  'failed to acquire resources on one or more segments',
  'could not connect to server: Connection refused\n (seg3 127.0.0.1:7404)',
);

test('a session opens once the segment that its coordinator does not reach has a new primary', async () => {
  let attempts = 0;
  const server = await startFakePostgres((socket) => {
    attempts += 1;
    socket.write(attempts < 3 ? LOST : Buffer.concat([message('C', 'SET\0'), READY]));
  }, 'SET DateStyle');
  const notes: string[] = [];
  try {
    const session = await openSession(
      { ...server.target, content: -1 },
      { purpose: 'probe', applicationName: 'test', onSilence: (note) => notes.push(note) },
    );
    await session.close();
    expect(attempts).toBe(3);
    expect(notes).toEqual([
      expect.stringContaining('the coordinator gets no answer from content 3'),
    ]);
  } finally {
    await server.stop();
  }
});
