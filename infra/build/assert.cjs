/**
 * Replaces `node:assert` in the bundles: loading that takes 4 ms, and the bundled packages use only
 * this.
 */
module.exports = function assert(value, message = 'assertion failed') {
  if (!value) throw new Error(message);
};
