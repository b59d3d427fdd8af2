import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { hasChromium, startChromium } from '../../support/console/browser.ts';
import { serveConsole, waitUntilRead } from '../../support/console/serve.ts';
import { writeComplete, writeVerdict } from '../../support/console/sets.ts';
import { HOSTILE, type SmallRoot, writeSmallRoot } from '../../support/console/small-root.ts';

/** The page in Chromium, on a real server and a generated root. */

const canRun = await hasChromium();
if (!canRun)
  process.stderr.write(
    'skipped: the tests of the console in a browser, because there is no Chromium\n',
  );

let folder = '';
/** A root with sets of two databases. */
let mixed = '';
let root: SmallRoot;
let browser: Browser;
let server: Awaited<ReturnType<typeof serveConsole>>;
/** What no page of these tests may do. */
const wrong: string[] = [];

beforeAll(async () => {
  if (!canRun) return;
  folder = await mkdtemp(join(tmpdir(), 'stowage-console-page-'));
  root = await writeSmallRoot(folder, new Date(), 12);
  mixed = await mkdtemp(join(tmpdir(), 'stowage-console-mixed-'));
  for (const [at, database] of ['crm', 'orders'].entries()) {
    const timestamp = timestampOf(new Date(Date.now() - (3 - at) * 3_600_000));
    const tables = [{ schema: database, name: `of_${database}` }];
    await writeComplete(mixed, { timestamp, contents: 2, tables, growth: 1, database });
    await writeVerdict(mixed, timestamp, 'validate', instantOf(new Date()));
  }
  const none = join(folder, 'none');
  server = await serveConsole({ shop: folder, 'not there': none, copy: folder, mixed });
  browser = await startChromium();
  await waitUntilRead(server.url);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  for (const one of [folder, mixed])
    if (one !== '') await rm(one, { recursive: true, force: true });
});

const NOTE_VIOLATIONS = `
  globalThis.violations = [];
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    violations.push(violatedDirective + ' ' + blockedURI));
`;

const contexts = new Map<string, Promise<BrowserContext>>();

/** Pages of one appearance share a context, which keeps the script of the page. */
function contextOf(dark: boolean, width: number): Promise<BrowserContext> {
  const made =
    contexts.get(`${dark} ${width}`) ??
    browser
      .newContext({
        colorScheme: dark ? 'dark' : 'light',
        viewport: { width, height: 860 },
      })
      .then(async (context) => {
        await context.addInitScript(NOTE_VIOLATIONS);
        return context;
      });
  contexts.set(`${dark} ${width}`, made);
  return made;
}

/** Opens an address behind `#`, and notes requests to elsewhere, violations and errors. */
async function openPage(
  address: string,
  options: { readonly dark?: boolean; readonly width?: number } = {},
): Promise<Page> {
  const { dark = false, width = 1280 } = options;
  const context = await contextOf(dark, width);
  const page = await context.newPage();
  onTestFinished(async () => {
    wrong.push(...(await page.evaluate<string[]>('globalThis.violations ?? []')));
    if (await page.evaluate<boolean>("'hurt' in globalThis"))
      wrong.push('text of the bucket ran as script');
    await page.close();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url)) wrong.push(`request to ${request.url()}`);
  });
  page.on('pageerror', ({ message }) => wrong.push(message));
  await page.goto(`${server.url}${address}`);
  await page.waitForSelector('h1');
  return page;
}

describe.skipIf(!canRun)('the console in Chromium', () => {
  it('shows what needs attention, all sets, and a filter', async () => {
    const page = await openPage('#/0/overview');
    const attention = page.locator('.attention');
    expect(await attention.innerText()).toContain(`stowage repair ${root.damaged} --from`);
    expect(await attention.innerText()).toContain(HOSTILE[0]);
    const rows = page.locator('table.sets tbody tr');
    expect(await rows.count()).toBe(15);
    await page.selectOption('select[aria-label=State]', 'damaged');
    await expect.poll(() => rows.count()).toBe(1);
    expect(page.url()).toContain('state=damaged');
  });

  it('names the root in every command line for another root', async () => {
    const page = await openPage('#/2/overview');
    const lines = async () => page.locator('.command code').allInnerTexts();
    await page.waitForSelector('.attention .command');
    expect(await lines()).toHaveLength(3);
    const [here] = (await lines()).map((line) => / (--root=file:\S+)$/.exec(line)?.[1]);
    for (const line of await lines()) expect(line).toContain(` ${here}`);
    await page.goto(`${server.url}#/2/running/restore/${root.failedRestore}`);
    await page.waitForSelector('.failure .command');
    expect(await lines()).toEqual([`stowage restore --resume ${root.failedRestore} ${here}`]);
  });

  it('is reached by keys alone, from the list of sets to a cell and to the list of keys', async () => {
    const page = await openPage('#/0/overview');
    const link = page.locator('table.sets tbody a').nth(1);
    await page.locator('table.sets tbody a').first().focus();
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('table.sets tbody a:focus').innerText()).toBe(await link.innerText());
    const outline = await page.evaluate<string>(
      'getComputedStyle(document.activeElement).outlineStyle',
    );
    expect(outline).toBe('solid');
    await page.keyboard.press('Enter');
    await page.waitForSelector('canvas.heatcanvas');
    await page.keyboard.press('/');
    await page.keyboard.type('orders');
    for (let tabs = 0; tabs < 12; tabs += 1) {
      if ((await page.locator('canvas:focus').count()) === 1) break;
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => page.locator('#cell').innerText())
      .toMatch(/sales\.orders\s+segment 1,[\s\S]* rows/);
    await page.keyboard.press('?');
    await page.waitForSelector('dialog.keys[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.keys', { state: 'detached' });
    await page.keyboard.press('u');
    await expect.poll(() => page.locator('h1').innerText()).toBe('Running');
  });

  it('draws cells, and other colours for another measure', async () => {
    const page = await openPage(`#/0/set/${root.newest}`);
    await expect.poll(() => page.locator('.legend .spread').innerText()).toBe('');
    const picture = () =>
      page.evaluate<string>("document.querySelector('canvas.heatcanvas').toDataURL()");
    const bytes = await picture();
    await page.check('input[value=carried]', { force: true });
    await expect.poll(picture).not.toBe(bytes);
    expect(page.url()).toContain('view=carried');
  });

  it('follows a backup and a restore by segment', async () => {
    const page = await openPage('#/0/running');
    await page.click(`text=Backup ${root.running}`);
    await page.waitForSelector('table.segments');
    const first = page.locator('table.segments tbody tr').first();
    expect(await first.innerText()).toMatch(/^22 [\s\S]*waiting/);
    await page.goto(`${server.url}#/0/running/restore/${root.runningRestore}`);
    await page.waitForSelector('.phases .now');
    expect(await page.locator('.phases .now').innerText()).toBe('data');
  });

  it('shows names that look like HTML as text', async () => {
    const page = await openPage(`#/0/tables?schema=public&name=${encodeURIComponent(HOSTILE[0])}`);
    await page.waitForSelector('figure .u-wrap');
    expect(await page.locator('h2').innerText()).toBe(`public.${HOSTILE[0]}`);
    await page.fill('input[type=search]', 'script');
    expect(await page.locator('.tablelist').innerText()).toContain(HOSTILE[2]);
    expect(await page.locator('main img, main script').count()).toBe(0);
  });

  it('offers the tables of every database of the root, and keeps the choice in the address', async () => {
    const page = await openPage('#/3/tables');
    const list = page.locator('.tablelist');
    await expect.poll(() => list.innerText()).toContain('orders.of_orders');
    await page.selectOption('.database select', 'crm');
    await expect.poll(() => list.innerText()).toContain('crm.of_crm');
    expect(page.url()).toContain('database=crm');
    await list.locator('a').first().click();
    await page.waitForSelector('figure .u-wrap');
    expect(await page.locator('#history').innerText()).toBe('crm.of_crm');
    expect(page.url()).toContain('database=crm');
  });

  it('ends a restore as a command line that a shell reads back word for word', async () => {
    const page = await openPage(`#/0/restore?set=${root.newest}`);
    for (const [find, name] of [
      ['onerror', HOSTILE[0]],
      ['it', HOSTILE[1]],
      ['31mred', HOSTILE[5]],
    ] as const) {
      await page.fill('input[type=search]', find);
      await page
        .locator('.tablelist label', { hasText: name.split('\n')[0] ?? '' })
        .locator('input')
        .check();
    }
    await page.fill('input[type=text]', "orders' copy");
    await page.check('text=The role that restores');
    const line = await page.locator('.lines code').last().innerText();
    const words = execFileSync('bash', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' });
    expect(words.split('\0').slice(0, -1)).toEqual([
      'stowage',
      'restore',
      root.newest,
      "--redirect-db=orders' copy",
      ...[HOSTILE[0], HOSTILE[1], HOSTILE[5]].map(
        (name) =>
          `--include-table=public.${/[.*"]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name}`,
      ),
      '--no-owner',
    ]);
  });

  it('has dark colours in dark mode, and fits the width of a phone', async () => {
    const groundOf = (page: Page) =>
      page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const light = await openPage('#/0/overview');
    const dark = await openPage(`#/0/set/${root.newest}`, { dark: true, width: 390 });
    expect(await groundOf(light)).toBe('rgb(251, 251, 250)');
    expect(await groundOf(dark)).toBe('rgb(20, 23, 26)');
    for (const address of [`#/0/set/${root.newest}`, '#/0/overview', '#/0/restore', '#/0/tables']) {
      await dark.goto(`${server.url}${address}`);
      await dark.waitForSelector('h1');
      expect(await dark.evaluate<number>('document.documentElement.scrollWidth')).toBe(390);
    }
  });

  it('says why a root has no sets, and why a set cannot be read', async () => {
    const page = await openPage('#/1/overview');
    expect(await page.innerText('main')).toContain('There are no sets under file:');
    await truncate(join(folder, formatKey({ kind: 'manifest', timestamp: root.damaged })), 100);
    await page.goto(`${server.url}#/0/set/${root.damaged}`);
    await page.waitForSelector('.failure');
    expect(await page.innerText('.failure')).toContain('set/unreadable');
  });

  it('made no request to elsewhere, broke its policy nowhere, and threw no error', () => {
    expect(wrong).toEqual([]);
  });
});
