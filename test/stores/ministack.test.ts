import { describe } from 'vitest';
import { withoutEmulator } from '../support/emulator/emulator.ts';
import { ministack } from '../support/stores/ministack.ts';
import { testStore } from './suite.ts';

describe.skipIf(withoutEmulator)('the emulator of AWS', () => testStore(ministack));
