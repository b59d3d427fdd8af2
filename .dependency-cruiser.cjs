// The layers of DESIGN.md, kept by a tool. Each rule says what breaks when it is bent.
const ours = '^(storage|database|segment-shipper|functions|cli|console|infra|test)/';

module.exports = {
  forbidden: [
    {
      name: 'backup-set-is-pure',
      comment:
        'The format must run anywhere (Lambda, browser, test) and give the same bytes: no layer of ours above it.',
      severity: 'error',
      from: { path: '^backup-set/', pathNot: '\\.test\\.ts$' },
      to: { path: ours },
    },
    {
      name: 'backup-set-does-no-io',
      comment: 'Only zod and pure computation (hashing) are allowed in the format.',
      severity: 'error',
      from: { path: '^backup-set/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm'], pathNot: '^(node:)?(crypto|zlib)$|node_modules/zod/' },
    },
    {
      name: 'storage-and-database-stand-beside-each-other',
      comment: 'A store knows no SQL and a database knows no bucket; both may use the format.',
      severity: 'error',
      from: { path: '^(storage|database)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(segment-shipper|functions|cli|console|test)/' },
    },
    {
      name: 'storage-not-database',
      severity: 'error',
      comment: 'see above',
      from: { path: '^storage/' },
      to: { path: '^database/' },
    },
    {
      name: 'database-not-storage',
      severity: 'error',
      comment: 'see above',
      from: { path: '^database/' },
      to: { path: '^storage/' },
    },
    {
      name: 'shipper-and-functions-never-meet',
      comment:
        'They talk through objects in the bucket only; a direct import would be a second control plane.',
      severity: 'error',
      from: { path: '^segment-shipper/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(functions|cli|console|test)/' },
    },
    {
      name: 'functions-know-no-shipper',
      comment: 'see shipper-and-functions-never-meet; a function must also never need a database driver.',
      severity: 'error',
      from: { path: '^functions/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(segment-shipper|database|cli|console|test)/' },
    },
    {
      name: 'aws-sdk-only-in-storage',
      comment: 'One place holds the S3 client settings that keep data safe on each endpoint.',
      severity: 'error',
      from: { path: '^(backup-set|database|segment-shipper|functions|cli)/', pathNot: '^functions/lambda' },
      to: { path: 'node_modules/@(aws-sdk|smithy)/' },
    },
    {
      name: 'pg-only-in-database',
      comment:
        'Sessions must carry the settings that make the same rows give the same bytes; they are set in one place.',
      severity: 'error',
      from: { path: '^(backup-set|storage|segment-shipper|functions|cli)/' },
      to: { path: 'node_modules/pg' },
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
      from: { pathNot: '^test/|\\.test\\.ts$' },
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
      extensions: ['.ts', '.js'],
    },
  },
};
