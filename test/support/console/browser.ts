import { access } from 'node:fs/promises';
import { type Browser, chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** No request of the browser's own: without them it looks for Google's hosts at every start. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Whether this machine has Chromium: infra/setup installs it where it can. */
export const hasChromium = async (): Promise<boolean> =>
  access(CHROMIUM).then(
    () => true,
    () => false,
  );

export const startChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
