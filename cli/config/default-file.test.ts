import { expect, test } from 'vitest';
import { defaultConfigFile } from './default-file.ts';

test.each([
  [['stowage.yaml', '/etc/stowage/stowage.yaml'], 'stowage.yaml'],
  [['/etc/stowage/stowage.yaml'], '/etc/stowage/stowage.yaml'],
  // The message about a missing file names the file that most users write.
  [[], 'stowage.yaml'],
])('of the files %j, the configuration is %s', (files, chosen) => {
  expect(defaultConfigFile((file) => files.includes(file))).toBe(chosen);
});
