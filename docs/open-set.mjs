#!/usr/bin/env node
// Opens an encrypted set without Stowage. Needs Node 22.15 or later and an X25519 identity of age,
// and no package.
//
//   node open-set.mjs ROOT TIMESTAMP IDENTITY_FILE
//     lists the tables with their rows, and the files
//   node open-set.mjs ROOT TIMESTAMP IDENTITY_FILE FILE
//     prints a metadata file, or a file of gpbackup
//   node open-set.mjs ROOT TIMESTAMP IDENTITY_FILE SCHEMA TABLE [CONTENT]
//     prints the rows of a table, of all contents or of one
//
// ROOT is a folder with the set, and the older sets that its manifest needs, in the layout of
// docs/format.md. SET_KEY_<timestamp>=<base64> in the environment replaces the identity for that
// set: the `key` that `age -d -i IDENTITY_FILE` prints from the field `age` of its keys/*.json.
import * as crypto from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

process.stdout.on('error', () => process.exit(1));
process.on('uncaughtException', ({ message }) => fail(message));
const [root, timestamp, identityFile, first, second, only] = process.argv.slice(2);
if (identityFile === undefined)
  fail('usage: open-set.mjs ROOT TIMESTAMP IDENTITY_FILE [FILE | SCHEMA TABLE [CONTENT]]');

function fail(message) {
  process.stderr.write(`open-set: ${message}\n`);
  process.exit(1);
}

const say = (line) => process.stdout.write(`${line}\n`);
const folderOf = (set) => join(root, 'sets', set.slice(0, 8), set);
const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const hkdf = (key, salt, info, bytes = 32) =>
  Buffer.from(crypto.hkdfSync('sha256', key, salt, info, bytes));
const NONE = Buffer.alloc(0);

// -- age: https://age-encryption.org/v1

function bech32(text) {
  const words = [...text.toLowerCase().slice(text.lastIndexOf('1') + 1, -6)].map((letter) =>
    'qpzry9x8gf2tvdw0s3jn54khce6mua7l'.indexOf(letter),
  );
  const bits = words.map((word) => word.toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

/** The private key, and the raw public key. */
function x25519(secret) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secret]);
  const key = crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = crypto.createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { key, raw: spki.subarray(-32) };
}

function chachaOpen(key, nonce, sealed) {
  const decipher = crypto.createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** The file key of an age file, when it is for this identity. */
function fileKeyOf(header, identity) {
  const { key, raw } = x25519(identity);
  for (const [, share, body] of header.matchAll(/^-> X25519 (\S+)\n(\S+)\n/gm)) {
    const theirs = Buffer.from(share, 'base64');
    const der = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), theirs]);
    const publicKey = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
    const shared = crypto.diffieHellman({ privateKey: key, publicKey });
    const wrapKey = hkdf(shared, Buffer.concat([theirs, raw]), 'age-encryption.org/v1/X25519');
    try {
      return chachaOpen(wrapKey, Buffer.alloc(12), Buffer.from(body, 'base64'));
    } catch {
      // For another recipient.
    }
  }
  return undefined;
}

/** The text in an armored file of age; undefined when it is for other identities. */
function ageOpen(armored, identities) {
  const file = Buffer.from(armored.replace(/-----[^\n]*-----/g, ''), 'base64');
  const dashes = file.indexOf('\n--- ') + 1;
  const end = file.indexOf('\n', dashes) + 1;
  const header = file.toString('latin1', 0, dashes);
  for (const identity of identities) {
    const fileKey = fileKeyOf(header, identity);
    if (fileKey === undefined) continue;
    const mac = crypto
      .createHmac('sha256', hkdf(fileKey, NONE, 'header'))
      .update(`${header}---`)
      .digest();
    if (!mac.equals(Buffer.from(file.toString('latin1', dashes + 4, end), 'base64')))
      fail('the header of a key document is damaged');
    const payload = hkdf(fileKey, file.subarray(end, end + 16), 'payload');
    // One chunk holds 64 KiB; the wrapped key has some hundred bytes. The last byte of the nonce:
    // it is the last chunk.
    const nonce = Buffer.alloc(12);
    nonce[11] = 1;
    return chachaOpen(payload, nonce, file.subarray(end + 16)).toString();
  }
  return undefined;
}

// -- Keys of sets

const known = new Map();

/** The key of a set, or the key of a host that has sealed files of gpbackup. */
function setKeyOf(set, host = '') {
  const named = `${set} ${host}`;
  const given = host === '' ? process.env[`SET_KEY_${set}`] : undefined;
  if (!known.has(named))
    known.set(named, given === undefined ? unwrapped(set, host) : Buffer.from(given, 'base64'));
  return known.get(named);
}

function unwrapped(set, host) {
  const text = readFileSync(identityFile, 'utf8');
  if (/^(?:age-encryption|-----BEGIN AGE)/.test(text))
    fail(`${identityFile} has a passphrase: open it first, with age -d ${identityFile}`);
  const identities = text
    .split(/\s*\n/)
    .filter((line) => line.startsWith('AGE-SECRET-KEY-1'))
    .map(bech32);
  const folder = join(folderOf(set), 'keys');
  const isWanted = (name) => (host === '' ? /^\d/.test(name) : name.startsWith(`host-${host}-`));
  for (const name of readdirSync(folder).filter(isWanted).sort().reverse()) {
    const document = json(join(folder, name));
    const line = document.age === undefined ? undefined : ageOpen(document.age, identities);
    if (line === undefined) continue;
    const wrapped = JSON.parse(line);
    const key = Buffer.from(wrapped.key, 'base64');
    const id = hkdf(key, NONE, 'stowage/1 set key id', 16).toString('hex');
    if (wrapped.timestamp !== set || id !== document.keyId || (host !== '' && id !== host))
      fail(`${name} is not a key of set ${set}`);
    if (wrapped.root !== manifest.root)
      fail(`${name} is a key of root ${wrapped.root}, and the manifest names ${manifest.root}`);
    return key;
  }
  return fail(`no identity in ${identityFile} opens set ${set}`);
}

/** The key of the content and set in whose folder an object lies. */
function contentKeyOf(object, host) {
  const [, , set, , content] = object.split('/');
  return hkdf(setKeyOf(set, host), NONE, `stowage/1 content ${set} ${content}`);
}

// -- Sealed objects: 32 bytes of salt, then chunks of at most 1 MiB in AES-256-GCM

function opened(object, sealed, place, host) {
  const key = hkdf(contentKeyOf(object, host), sealed.subarray(0, 32), 'stowage/1 object');
  const parts = [];
  for (let at = 32, number = 0; number === 0 || at < sealed.length; number++) {
    const chunk = sealed.subarray(at, at + 1024 * 1024 + 16);
    at += chunk.length;
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(number, 5, 6);
    nonce[11] = at >= sealed.length ? 1 : 0;
    const decipher = crypto.createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
    decipher.setAAD(Buffer.from(['stowage/1', ...place].join('\0')));
    decipher.setAuthTag(chunk.subarray(-16));
    parts.push(decipher.update(chunk.subarray(0, -16)), decipher.final());
  }
  return Buffer.concat(parts);
}

const fileOf = ({ key, keyId: host }) =>
  opened(key, readFileSync(join(root, key)), ['file', key], host);

function frameOf(key, pack, { offset, length, rowFormat = 'text' }, { schema, name }) {
  const sealed = pack.subarray(offset, offset + length);
  return zstdDecompressSync(
    opened(key, sealed, ['frame', key, String(offset), rowFormat, schema, name]),
  );
}

// -- What was asked for

const manifest = json(join(folderOf(timestamp), 'manifest.json'));
if (manifest.timestamp !== timestamp) fail(`manifest.json is of set ${manifest.timestamp}`);
if (manifest.encryption === undefined) fail(`set ${timestamp} is not encrypted`);
const keyId = hkdf(setKeyOf(timestamp), NONE, 'stowage/1 set key id', 16).toString('hex');
if (keyId !== manifest.encryption.keyId) fail('the key is not the one that the manifest names');
const parts = manifest.contents.map(({ content, part }) => {
  const bytes = readFileSync(join(folderOf(timestamp), 'manifest', `${content}.json`));
  if (crypto.createHash('sha256').update(bytes).digest('hex') !== part.sha256)
    fail(`manifest/${content}.json is not the one that the manifest names`);
  return JSON.parse(bytes.toString());
});

const files = parts.flatMap(({ metadata, files: ofTool = [] }) => [...metadata, ...ofTool]);

if (first === undefined) {
  for (const { id, schema, name } of manifest.relations) {
    const counts = parts.flatMap(({ relations }) =>
      relations.filter(({ relation }) => relation === id),
    );
    say(`${counts.reduce((sum, { rows }) => sum + rows, 0)}\t${schema}.${name}`);
  }
  for (const { key } of files) say(`file\t${key}`);
} else if (second === undefined) {
  const file = files.find(({ key }) => key === first);
  if (file === undefined) fail(`the set has no file ${first}`);
  if (file.keyId !== undefined && manifest.encryption.hostKeys?.includes(file.keyId) !== true)
    fail(`the manifest does not name the key of ${first}`);
  process.stdout.write(fileOf(file));
} else {
  const relation = manifest.relations.find(
    ({ schema, name }) => schema === first && name === second,
  );
  if (relation === undefined) fail(`the set has no table ${first}.${second}`);
  for (const { content, packs } of parts)
    for (const { key, extents } of only === undefined || Number(only) === content ? packs : []) {
      const own = extents.filter((extent) => extent.relation === relation.id);
      if (own.length === 0) continue;
      const pack = readFileSync(join(root, key));
      for (const extent of own) process.stdout.write(frameOf(key, pack, extent, relation));
    }
}
