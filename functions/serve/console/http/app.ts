import { type Context, Hono } from 'hono';
import type { Logger } from 'pino';
import * as z from 'zod';
import { RestoreId, Timestamp } from '../../../../backup-set/base/timestamps.ts';
import { MEASURES } from '../cells/codes.ts';
import type { RequestDesk } from '../requests/desk.ts';
import type { RootView } from '../sets/root-view.ts';
import { BadRequest, errorBody, failureAnswer, jsonAnswer, taggedAnswer } from './answer.ts';
import { addRequests } from './ask.ts';
import type { PageFiles } from './page-files.ts';

/** Bytes of cells in one answer. */
const CELLS_MAX = 4 * 1024 * 1024;
const TABLES_MAX = 1024;

const Index = z.coerce.number().int().min(0).max(1_000_000);
const Tables = z
  .string()
  .regex(/^\d{1,7}(?:,\d{1,7})*$/)
  .transform((text) => text.split(',').map(Number))
  .refine((tables) => tables.length <= TABLES_MAX, `at most ${TABLES_MAX} tables`);
const RowsQuery = z.object({ measure: z.enum(MEASURES), tables: Tables, near: Index.default(0) });
const CellQuery = z.object({ table: Index, content: z.coerce.number().int().min(-1) });
const Word = z.string().min(1).max(1024);
const NameQuery = z.object({ schema: Word, name: Word, database: Word });

/**
 * The page and its API, to be mounted at /console. Every route is a GET, except that of requests,
 * which is there when `requests` is configured.
 */
export function consoleApp(
  views: readonly RootView[],
  page: () => Promise<PageFiles>,
  { log, desk }: { readonly log: Logger; readonly desk?: RequestDesk | undefined },
): Hono {
  const app = new Hono();
  addPage(app, page);
  addApi(app, views);
  addRequests(app, desk);
  app.onError((error, c) => {
    if (error instanceof BadRequest)
      return c.json(errorBody(error.code, error.message), error.status);
    const answer = failureAnswer(c, error);
    if (answer !== undefined) return answer;
    log.error({ err: error }, 'console: request failed');
    return c.json(errorBody('internal', 'the request failed; see the log of stowage serve'), 500);
  });
  return app;
}

function addPage(app: Hono, page: () => Promise<PageFiles>): void {
  const types = {
    'index.html': 'text/html',
    'icon.svg': 'image/svg+xml',
    'console.js': 'text/javascript',
    'console.css': 'text/css',
  } as const;
  const file = (name: keyof typeof types) => async (c: Context) =>
    taggedAnswer(c, (await page())[name], types[name]);
  app.get('/', file('index.html'));
  app.get('/icon.svg', file('icon.svg'));
  app.get('/console.js', file('console.js'));
  app.get('/console.css', file('console.css'));
}

function addApi(app: Hono, views: readonly RootView[]): void {
  const viewOf = (c: Context): RootView => {
    const view = views[Number(c.req.param('root'))];
    if (view === undefined) throw new BadRequest(404, 'the configuration has no such root');
    return view;
  };
  app.get('/api/roots', (c) =>
    jsonAnswer(
      c,
      views.map(({ root }) => root),
    ),
  );
  app.get('/api/:root/overview', async (c) => jsonAnswer(c, await viewOf(c).overview()));
  app.get('/api/:root/sets/:set', async (c) =>
    jsonAnswer(c, (await viewOf(c).openSet(setOf(c))).answer),
  );
  app.get('/api/:root/sets/:set/rows', (c) => rowsAnswer(c, viewOf(c)));
  app.get('/api/:root/sets/:set/cell', async (c) => {
    const { table, content } = queryOf(c, CellQuery);
    return jsonAnswer(c, (await viewOf(c).cell(setOf(c), table, content)) ?? null);
  });
  app.get('/api/:root/sets/:set/progress', async (c) =>
    jsonAnswer(c, await viewOf(c).backup(setOf(c))),
  );
  app.get('/api/:root/restores/:id', async (c) =>
    jsonAnswer(c, await viewOf(c).restore(paramOf(c, 'id', RestoreId))),
  );
  app.get('/api/:root/history', async (c) =>
    jsonAnswer(c, await viewOf(c).history(queryOf(c, NameQuery))),
  );
}

/** A byte per table and content; how many contents are read is in a header. */
async function rowsAnswer(c: Context, view: RootView): Promise<Response> {
  const { measure, tables, near } = queryOf(c, RowsQuery);
  const { ids, matrix, parts } = await view.openSet(setOf(c));
  if (tables.length * parts.contents.length > CELLS_MAX)
    throw new BadRequest(400, `at most ${CELLS_MAX} cells: ask for fewer tables`);
  const known = tables.map((table) => {
    const id = ids[table];
    if (id === undefined) throw new BadRequest(404, `the set has no table ${table}`);
    return id;
  });
  const body = matrix.rows(measure, known, near);
  return c.body(body as Uint8Array<ArrayBuffer>, 200, {
    'content-type': 'application/octet-stream',
    'stowage-contents-read': String(matrix.read),
    'stowage-contents-unreadable': String(matrix.problems.size),
  });
}

const setOf = (c: Context) => paramOf(c, 'set', Timestamp);

function paramOf(c: Context, name: string, schema: z.ZodType<string>): string {
  const found = schema.safeParse(c.req.param(name));
  if (!found.success) throw new BadRequest(400, found.error.issues[0]?.message ?? 'ill-formed');
  return found.data;
}

function queryOf<Schema extends z.ZodType>(c: Context, schema: Schema): z.output<Schema> {
  const found = schema.safeParse(c.req.query());
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new BadRequest(400, `${issue?.path.join('.')}: ${issue?.message ?? 'ill-formed'}`);
}
