import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

// The launcher has the flags of a shipper: test/integration/install/packages.test.ts.
it('the systemd unit of the agent starts the launcher of a package', async () => {
  const unit = await readFile(
    new URL('../../infra/systemd/stowage-agent.service', import.meta.url),
    'utf8',
  );
  expect(unit).toMatch(/^ExecStart=\/usr\/bin\/stowage-segment-shipper agent --config /m);
});
