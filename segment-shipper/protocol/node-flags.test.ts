import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { SHIPPER_FLAGS } from './node-flags.ts';

it('the systemd unit of the agent starts it with the flags of a shipper', async () => {
  const unit = await readFile(
    new URL('../../infra/systemd/stowage-agent.service', import.meta.url),
    'utf8',
  );
  expect(unit).toMatch(new RegExp(`^ExecStart=/usr/bin/node ${SHIPPER_FLAGS.join(' ')} /`, 'm'));
});
