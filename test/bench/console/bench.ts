/**
 * Reports how fast the console is with 200 sets of 1,000 segments × 10,000 tables: the first paint,
 * and each interaction by the page's own measure (console/base/measure.ts). It asserts nothing.
 * `node test/bench/console/bench.ts [FOLDER]`; FOLDER keeps the generated root.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { startChromium } from '../../support/console/browser.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { writeBenchRoot } from './generate.ts';

const SIZE = { sets: 200, contents: 1000, tables: 10_000 };
const ROUNDS = 12;
const FOR = { timeoutMs: 300_000 };

const kept = process.argv[2];
const folder = kept ?? (await mkdtemp(path.join(tmpdir(), 'stowage-console-bench-')));
if (!existsSync(path.join(folder, 'sets'))) await writeBenchRoot(folder, SIZE);
const server = fork(path.join(import.meta.dirname, 'serve.ts'), [folder], { silent: true });
try {
  const [line] = (await once(server.stdout ?? process.stdin, 'data')) as [Buffer];
  await run(line.toString().trim(), server);
} finally {
  server.kill();
  if (kept === undefined) await rm(folder, { recursive: true, force: true });
}

async function run(url: string, child: ChildProcess): Promise<void> {
  const browser = await startChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await firstPaint(page, url, 'first paint, server just started');
    await waitUntil(async () => !(await page.locator('main').innerText()).includes('reading'), FOR);
    await firstPaint(page, url, 'first paint, 200 sets known');
    await interactions(page);
    console.log(`memory of serve\t${await memoryOf(child)} MB`);
  } finally {
    await browser.close();
  }
}

async function firstPaint(page: Page, url: string, what: string): Promise<void> {
  await page.goto('about:blank');
  const begun = performance.now();
  await page.goto(url);
  await page.waitForSelector('table.sets tbody tr');
  const ms = Math.round(performance.now() - begun);
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  );
  console.log(`${what}\t${Math.round(paint)} ms, with the table of sets ${ms} ms`);
}

async function interactions(page: Page): Promise<void> {
  await page.fill('input[type=search]', '2026');
  await report(page, 'filter sets', 'filter');
  const link = page.locator('table.sets tbody tr:has-text("complete") a').first();
  const opened = performance.now();
  await link.click();
  await page.waitForSelector('canvas.heatcanvas');
  const spread = page.locator('.legend .spread');
  console.log(`open a set: names and totals\t${Math.round(performance.now() - opened)} ms`);
  await waitUntil(async () => (await spread.innerText()).includes('segments read'), FOR);
  console.log(`open a set: first cells\t${Math.round(performance.now() - opened)} ms`);
  await exercise(page, 'while the parts are read');
  await waitUntil(async () => (await spread.innerText()) === '', FOR);
  console.log(
    `all 10 million cells read after\t${Math.round((performance.now() - opened) / 1000)} s`,
  );
  await exercise(page, 'all cells read');
}

async function exercise(page: Page, when: string): Promise<void> {
  const map = page.locator('canvas.heatcanvas');
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.locator('.heatbox').evaluate((box, top) => box.scrollTo(0, top), round * 13_000);
    await page.waitForTimeout(120);
  }
  await report(page, `scroll, ${when}`, 'scroll');
  for (let round = 0; round < ROUNDS; round += 1)
    await map.hover({ position: { x: 400 + round * 40, y: 120 + round * 20 } });
  await report(page, `hover, ${when}`, 'hover');
  await map.focus();
  for (let round = 0; round < ROUNDS; round += 1) await page.keyboard.press('Shift+ArrowDown');
  await report(page, `move by key, ${when}`, 'move');
  for (const order of ['name', 'rows', 'ratio', 'bytes'])
    await page.selectOption('select[aria-label="Order of tables"]', order);
  await report(page, `sort 10,000 tables, ${when}`, 'sort');
  for (const text of ['orders', 'orders_1', 'sales'])
    await page.fill('input[aria-label="Find tables"]', text);
  await page.fill('input[aria-label="Find tables"]', '');
  await report(page, `search 10,000 tables, ${when}`, 'search');
  for (const view of ['skew', 'ratio', 'carried', 'rows', 'bytes'])
    await page.check(`input[value="${view}"]`, { force: true });
  await report(page, `change the measure, ${when}`, 'measure');
  for (const size of ['low', 'middle', 'tall'])
    await page.check(`input[value="${size}"]`, { force: true });
  await report(page, `zoom, ${when}`, 'zoom');
}

async function report(page: Page, what: string, name: string): Promise<void> {
  await page.waitForTimeout(300);
  const times = await page.evaluate((entry) => {
    const found = performance.getEntriesByName(entry).map(({ duration }) => duration);
    performance.clearMeasures();
    return found;
  }, `stowage:${name}`);
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  console.log(`${what}\tmedian ${at(0.5)} ms, largest ${at(1)} ms (${sorted.length})`);
}

async function memoryOf(child: ChildProcess): Promise<number> {
  child.send('memory');
  const [bytes] = (await once(child, 'message')) as [number];
  return Math.round(bytes / 1e6);
}
