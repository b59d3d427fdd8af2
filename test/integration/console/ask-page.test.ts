import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import { hasChromium, startChromium } from '../../support/console/browser.ts';
import { serveConsole, waitUntilRead } from '../../support/console/serve.ts';
import { writeComplete } from '../../support/console/sets.ts';
import { HOSTILE, tableNames } from '../../support/console/small-root.ts';

/** A restore that is asked for in the page, in Chromium. */

const canRun = await hasChromium();
const TOKEN = '0badcafe'.repeat(8);
const timestamp = timestampOf(new Date(Date.now() - 3_600_000));
let folder = '';
let browser: Browser;
let server: Awaited<ReturnType<typeof serveConsole>>;

beforeAll(async () => {
  if (!canRun) return;
  folder = await mkdtemp(join(tmpdir(), 'stowage-ask-page-'));
  const tables = [...tableNames(40), { schema: 'public', name: HOSTILE[0] }];
  await writeComplete(folder, { timestamp, contents: 4, tables, growth: 1, database: 'orders' });
  server = await serveConsole(
    { shop: folder, copy: folder },
    {
      requests: {
        token: TOKEN,
        expireHours: 24,
        targets: [
          { name: 'staging', modes: ['fill', 'create'], run: 'operator' },
          { name: 'nightly', databases: ['orders_test'], modes: ['create'], run: 'serve' },
        ],
      },
    },
  );
  browser = await startChromium();
  await waitUntilRead(server.url);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

describe.skipIf(!canRun)('a request in the page', () => {
  it('is sent with the token, shows its state, and leaves no token behind', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1250 } });
    const wrong: string[] = [];
    page.on('pageerror', ({ message }) => wrong.push(message));
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) wrong.push(message.text());
    });
    await page.goto(`${server.url}#/0/restore?set=${timestamp}`);
    const section = page.locator('section.ask');
    await section.waitFor();
    await page.getByLabel('Create the databases').check();
    await page.locator('input[type=search]').fill('img');
    await page.locator('.tablechoice input[type=checkbox]').first().check();

    await section.getByLabel('Target').selectOption('nightly');
    expect(await section.innerText()).toContain('Target nightly takes orders_test, not orders');
    const send = section.getByRole('button', { name: 'Request this restore' });
    expect(await send.isDisabled()).toBe(true);
    await section.getByLabel('Target').selectOption('staging');

    await section.getByLabel('Request token').fill('a wrong one');
    await send.click();
    await section.getByText('the token of requests is missing or wrong').waitFor();
    await section.getByLabel('Request token').fill(TOKEN);
    await send.click();
    await section.getByText(/^Requested/).waitFor();
    const line = await section.locator('.command code').first().innerText();
    expect(line).toMatch(/^stowage restore --request \d{17}-[0-9a-f]{8}$/);
    await section.locator('.runs li').waitFor();
    expect(await section.locator('.runs li').innerText()).toMatch(/waiting[\s\S]*1 table of/);

    expect(await section.getByLabel('Request token').inputValue()).toBe('');
    const kept = await page.evaluate<string>(
      `location.href + document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.documentElement.outerHTML`,
    );
    expect(kept).not.toContain(TOKEN);
    const shots = process.env['STOWAGE_TEST_SCREENSHOTS'];
    if (shots !== undefined)
      await page.screenshot({ path: join(shots, 'request.png'), fullPage: true });
    await page.goto(`${server.url}#/0/running`);
    await page.locator('.requests li').waitFor();
    if (shots !== undefined)
      await page.screenshot({ path: join(shots, 'requests.png'), fullPage: true });
    await page.goto(`${server.url}#/0/overview`);
    await page.getByText(line).waitFor();
    // Requests are for the root of the server alone.
    await page.goto(`${server.url}#/1/restore?set=${timestamp}`);
    await page.getByText('Then restore.').waitFor();
    expect(await section.count()).toBe(0);
    expect(wrong).toEqual([]);
    await page.close();
  });
});
