/**
 * `npm run check:code`: the compiler, and the lint rules that need its types. Both use one program
 * per tsconfig.json: to load and check the types a second time would cost 30 s of CPU.
 */
import path from 'node:path';
import { ESLint } from 'eslint';
import ts from 'typescript';

const ROOT = path.resolve(import.meta.dirname, '../..');

const programs = ['.', 'console'].map(programOf);
const diagnostics = programs.flatMap((program) => ts.getPreEmitDiagnostics(program));
process.stdout.write(
  ts.formatDiagnosticsWithColorAndContext(diagnostics, {
    getCurrentDirectory: () => ROOT,
    getCanonicalFileName: (name) => name,
    getNewLine: () => '\n',
  }),
);

const eslint = new ESLint({
  cwd: ROOT,
  overrideConfig: {
    files: ['**/*.ts', 'console/**/*.tsx'],
    languageOptions: { parserOptions: { projectService: false, programs } },
  },
});
const results = await eslint.lintFiles(['.']);
const formatter = await eslint.loadFormatter('stylish');
process.stdout.write(await formatter.format(results));

const isClean = diagnostics.length === 0 && results.every(({ messages }) => messages.length === 0);
process.exitCode = isClean ? 0 : 1;

function programOf(folder: string): ts.Program {
  const parsed = ts.getParsedCommandLineOfConfigFile(
    path.join(ROOT, folder, 'tsconfig.json'),
    undefined,
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic({ messageText }) {
        throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
      },
    },
  );
  if (parsed === undefined) throw new Error(`there is no tsconfig.json in ${folder}`);
  return ts.createProgram({ rootNames: parsed.fileNames, options: parsed.options });
}
