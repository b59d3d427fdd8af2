import { describe, expect, test } from 'vitest';
import { backendFacts } from './own-backend.ts';
import { localSettings, settingsScript } from './settings.ts';

const scripts = (version?: number) => [
  settingsScript(true, 1000, version),
  localSettings(version),
  backendFacts(version),
];

describe('the script that sets up a session', () => {
  test.each([
    [9.4, []],
    [9.5, ['row_security']],
    [9.6, ['idle_in_transaction_session_timeout', 'row_security']],
    [14.9, ['idle_in_transaction_session_timeout', 'idle_session_timeout', 'row_security']],
    [
      17,
      [
        ...['idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout'],
        'row_security',
      ],
    ],
  ])(
    'sets on %f the settings that this version has, and reads no pg_settings',
    (version, names) => {
      const script = settingsScript(true, 1000, version);
      const found = script.match(/SET (idle_\w+|transaction_timeout|row_security) =/g) ?? [];
      expect(found.map((text) => text.slice(4, -2))).toEqual(names);
      for (const text of scripts(version)) expect(text).not.toContain('pg_settings');
      const has = names.includes('row_security');
      expect(localSettings(version).includes('SET LOCAL row_security = off')).toBe(has);
      expect(backendFacts(version)).toContain(has ? "('row_security')" : 'NULL::text');
    },
  );

  test('asks a server that has not told its version which settings it has', () => {
    for (const text of scripts()) expect(text).toContain('pg_settings');
  });
});
