/** What serverless.yml includes of the modules beside this one: osls takes .mjs files for plain text. */
module.exports = {
  functions: async () => (await import('./functions.mjs')).functions(),
  extensions: async () => (await import('./functions.mjs')).extensions(),
  queues: async () => (await import('./queues.mjs')).resources(),
  alarms: async () => (await import('./alarms.mjs')).resources(),
  roles: async () => (await import('./roles.mjs')).resources(),
};
