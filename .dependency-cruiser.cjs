// The layers of docs/architecture.md, kept by a tool. Each rule says what breaks when it is bent.
const tests = '\\.test\\.ts$';
const from = (path, ...except) => ({ path, pathNot: [tests, ...except] });

module.exports = {
  forbidden: [
    {
      name: 'backup-set-is-pure',
      comment:
        'The format must run anywhere (Lambda, browser, test) and give the same bytes: no other room of ours.',
      severity: 'error',
      from: from('^backup-set/'),
      to: {
        path: '^(async|frame|storage|database|encryption|segment-shipper|functions|cli|infra|test)/',
      },
    },
    {
      name: 'backup-set-does-no-io',
      comment: 'Only zod and pure computation (hashing) are allowed in the format.',
      severity: 'error',
      from: from('^backup-set/'),
      to: {
        dependencyTypes: ['core', 'npm'],
        pathNot: '^(node:)?(crypto|zlib)$|node_modules/zod/',
      },
    },
    {
      name: 'async-knows-only-errors',
      comment: 'Idioms of concurrency serve every room; of ours they need the error type alone.',
      severity: 'error',
      from: from('^async/'),
      to: {
        path: '^(backup-set|frame|storage|database|encryption|segment-shipper|functions|cli|infra|test)/',
        pathNot: '^backup-set/base/errors\\.ts$',
      },
    },
    {
      name: 'frame-is-a-codec',
      comment:
        'Bytes in, bytes out: a shipper, a function and a test use the same codec, so it knows no store, database or job.',
      severity: 'error',
      from: from('^frame/'),
      to: { path: '^(storage|database|encryption|segment-shipper|functions|cli|infra|test)/' },
    },
    {
      name: 'storage-and-database-use-nothing-above',
      comment: 'A store knows no SQL and a database knows no bucket; both may use the format.',
      severity: 'error',
      from: from('^(storage|database)/'),
      to: { path: '^(encryption|segment-shipper|functions|cli|infra|test)/' },
    },
    {
      name: 'storage-not-database',
      comment: 'See storage-and-database-use-nothing-above.',
      severity: 'error',
      from: { path: '^storage/' },
      to: { path: '^database/' },
    },
    {
      name: 'database-not-storage',
      comment: 'See storage-and-database-use-nothing-above.',
      severity: 'error',
      from: { path: '^database/' },
      to: { path: '^storage/' },
    },
    {
      name: 'shipper-and-functions-never-meet',
      comment:
        'They talk through objects in the bucket only; a direct import would be a second control plane.',
      severity: 'error',
      from: from('^segment-shipper/'),
      to: { path: '^(functions|cli|infra|test)/' },
    },
    {
      name: 'functions-know-no-shipper',
      comment:
        'See shipper-and-functions-never-meet; a function must also never need a database driver.',
      severity: 'error',
      from: from('^functions/'),
      to: { path: '^(segment-shipper|encryption|database|cli|infra|test)/' },
    },
    {
      name: 'encryption-knows-keys-only',
      comment:
        'Wraps and opens keys of sets; rows are sealed by frame/seal, and functions need no key at all.',
      severity: 'error',
      from: from('^encryption/'),
      to: { path: '^(database|segment-shipper|functions|cli|infra|test)/' },
    },
    {
      name: 'age-only-in-encryption',
      comment: 'One place decides which recipients and identities there are.',
      severity: 'error',
      from: { path: '^(async|backup-set|frame|storage|database|segment-shipper|functions|cli)/' },
      to: { path: 'node_modules/age-encryption/' },
    },
    {
      name: 'aws-sdk-only-in-storage',
      comment: 'One place holds the S3 client settings that keep data safe on each endpoint.',
      severity: 'error',
      from: {
        path: '^(async|backup-set|frame|database|encryption|segment-shipper|functions|cli)/',
        pathNot: '^(functions/(lambda/|announce/channels/sns[.]ts)|encryption/kms/)',
      },
      to: { path: 'node_modules/@(aws-sdk|smithy)/' },
    },
    {
      name: 'pg-only-in-database',
      comment:
        'Sessions must carry the settings that make the same rows give the same bytes; they are set in one place.',
      severity: 'error',
      from: { path: '^(async|backup-set|frame|storage|encryption|segment-shipper|functions|cli)/' },
      to: { path: 'node_modules/pg' },
    },
    {
      name: 'the-page-runs-in-a-browser',
      comment:
        'console/ shares types and the codes of cells with the server; anything else would bring Node into the page.',
      severity: 'error',
      from: { path: '^console/', pathNot: tests },
      to: {
        path: '^(async|backup-set|frame|storage|database|encryption|segment-shipper|functions|cli|infra|test)/',
        pathNot:
          '^(functions/serve/console/(api|cells/codes)|backup-set/messages/(identity-place|shell-word))\\.ts$',
      },
    },
    {
      name: 'the-page-is-loaded-by-a-browser-only',
      comment: 'infra/build bundles it; no program imports it.',
      severity: 'error',
      from: { pathNot: `^(console|test)/|${tests}` },
      to: { path: '^console/' },
    },
    {
      name: 'no-circular',
      comment: 'A cycle means two files are one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-test-code-in-the-product',
      comment: 'The demo has its own clusters and data under cli/demo.',
      severity: 'error',
      from: { pathNot: `^test/|${tests}` },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js'],
    },
  },
};
