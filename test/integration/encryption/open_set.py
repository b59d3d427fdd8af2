"""Opens frames of an encrypted set with Python's cryptography: an independent reader of docs/format.md."""

import base64, json, re, subprocess, sys
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

root, timestamp, identity_file, schema, table = sys.argv[1:6]


def hkdf(key, salt, info, length=32):
    return HKDF(hashes.SHA256(), length, salt, info.encode()).derive(key)


def bech32(text):
    letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
    bits = ''.join(f'{letters.index(c):05b}' for c in text.lower().rsplit('1', 1)[1][:-6])
    return bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) - 7, 8))


def base64_of(text):
    return base64.b64decode(text + '=' * (-len(text) % 4))


def age_open(armored, secret):
    lines = [line for line in armored.splitlines() if not line.startswith('-----')]
    file = base64.b64decode(''.join(lines))
    header, rest = file.split(b'\n--- ', 1)
    mac, body = rest.split(b'\n', 1)
    own = X25519PrivateKey.from_private_bytes(secret)
    public = own.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    for share, wrapped in re.findall(r'-> X25519 (\S+)\n(\S+)', header.decode()):
        theirs = base64_of(share)
        shared = own.exchange(X25519PublicKey.from_public_bytes(theirs))
        key = hkdf(shared, theirs + public, 'age-encryption.org/v1/X25519')
        try:
            file_key = ChaCha20Poly1305(key).decrypt(bytes(12), base64_of(wrapped), None)
        except Exception:
            continue
        check = hmac.HMAC(hkdf(file_key, None, 'header'), hashes.SHA256())
        check.update(header + b'\n---')
        check.verify(base64_of(mac.decode()))
        payload = hkdf(file_key, body[:16], 'payload')
        return ChaCha20Poly1305(payload).decrypt(bytes(11) + b'\x01', body[16:], None)
    raise SystemExit('the identity opens no stanza')


def folder(of):
    return f'{root}/sets/{of[:8]}/{of}'


def set_key(of):
    import glob
    with open(identity_file) as file:
        secret = bech32(re.search(r'AGE-SECRET-KEY-1\S+', file.read())[0])
    with open(sorted(glob.glob(f'{folder(of)}/keys/*.json'))[-1]) as file:
        wrapped = json.loads(age_open(json.load(file)['age'], secret))
    assert wrapped['timestamp'] == of
    return base64.b64decode(wrapped['key'])


def frame(key, sealed, context):
    _, _, of, _, content = key.split('/')[:5]
    content_key = hkdf(set_key(of), None, f'stowage/1 content {of} {content}')
    own = AESGCM(hkdf(content_key, sealed[:32], 'stowage/1 object'))
    plain, at, number = b'', 32, 0
    while number == 0 or at < len(sealed):
        chunk = sealed[at:at + 1048576 + 16]
        at += len(chunk)
        last = b'\x01' if at >= len(sealed) else b'\x00'
        plain += own.decrypt(number.to_bytes(11, 'big') + last, chunk, context)
        number += 1
    return subprocess.run(['zstd', '-dc'], input=plain, capture_output=True, check=True).stdout


with open(f'{folder(timestamp)}/manifest.json') as file:
    manifest = json.load(file)
relation = next(r for r in manifest['relations'] if (r['schema'], r['name']) == (schema, table))
for content in manifest['contents']:
    with open(f"{folder(timestamp)}/manifest/{content['content']}.json") as file:
        part = json.load(file)
    for pack in part['packs']:
        with open(f"{root}/{pack['key']}", 'rb') as file:
            stored = file.read()
        for extent in pack['extents']:
            if extent['relation'] != relation['id']:
                continue
            offset = extent['offset']
            place = ['stowage/1', 'frame', pack['key'], str(offset), extent.get('rowFormat', 'text'), schema, table]
            sealed = stored[offset:offset + extent['length']]
            sys.stdout.buffer.write(frame(pack['key'], sealed, '\0'.join(place).encode()))
