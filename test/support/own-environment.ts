import { afterAll } from 'vitest';

/** A process runs many test files: what one of them sets in the environment ends with it. */
const before = { ...process.env };

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});
