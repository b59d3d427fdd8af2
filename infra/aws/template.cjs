/** What serverless.yml includes from the modules here: osls reads .mjs files as plain text. */
module.exports = {
  functions: async () => (await import('./functions.mjs')).functions(),
  extensions: async () => (await import('./functions.mjs')).extensions(),
  queues: async () => (await import('./queues.mjs')).resources(),
  alarms: async () => (await import('./alarms.mjs')).resources(),
  roles: async () => (await import('./roles.mjs')).resources(),
};
