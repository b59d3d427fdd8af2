/** Stands for `node:assert` in our programs: loading that takes 4 ms, and the packages that we use ask it for no more than this. */
module.exports = function assert(value, message = 'assertion failed') {
  if (!value) throw new Error(message);
};
