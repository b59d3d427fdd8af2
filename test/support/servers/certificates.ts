import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** PEM texts, and the files that hold them. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Authority extends Certificate {
  /** A certificate for 127.0.0.1, localhost and the host, for servers and clients alike. */
  issue(name: string, host?: string): Promise<Certificate>;
}

export interface Certificates {
  authority(name: string): Promise<Authority>;
  /** A self-signed certificate with an RSA key, like those of SNS. */
  selfSigned(name: string): Promise<Certificate>;
  remove(): Promise<void>;
}

const ELLIPTIC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const RSA = ['-newkey', 'rsa:2048'];

/** Certificates for tests, made by openssl in a temporary folder. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  const files = (name: string) => ({
    certFile: join(folder, `${name}.crt`),
    keyFile: join(folder, `${name}.key`),
  });
  const openssl = (...args: string[]) => execute('openssl', args, { cwd: folder });
  const read = async (name: string): Promise<Certificate> => {
    const { certFile, keyFile } = files(name);
    return {
      certFile,
      keyFile,
      cert: await readFile(certFile, 'utf8'),
      key: await readFile(keyFile, 'utf8'),
    };
  };
  const selfSign = async (name: string, kind: readonly string[]) => {
    const { certFile, keyFile } = files(name);
    const out = ['-keyout', keyFile, '-out', certFile];
    await openssl('req', '-x509', '-nodes', '-days', '2', '-subj', `/CN=${name}`, ...kind, ...out);
    return read(name);
  };

  async function issue(
    authority: Certificate,
    name: string,
    host = 'localhost',
  ): Promise<Certificate> {
    const { certFile, keyFile } = files(name);
    const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
    await writeFile(extensions, `subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:${host}\n`);
    const subject = ['-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request];
    await openssl('req', '-nodes', ...ELLIPTIC, ...subject);
    const by = [
      '-CA',
      authority.certFile,
      '-CAkey',
      authority.keyFile,
      '-CAcreateserial',
      '-days',
      '2',
    ];
    await openssl('x509', '-req', '-in', request, ...by, '-extfile', extensions, '-out', certFile);
    return read(name);
  }

  return {
    async authority(name) {
      const own = await selfSign(name, ELLIPTIC);
      return { ...own, issue: (issued, host) => issue(own, issued, host) };
    },
    selfSigned: (name) => selfSign(name, RSA),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
