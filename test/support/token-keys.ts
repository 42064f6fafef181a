import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryRoot } from './reaper.js';
import { runTool } from './tool.js';

/** A key pair to sign JSON web tokens with, as PEM files. */
export interface TokenKeys {
  readonly publicKeyFile: string;
  readonly privateKeyFile: string;
}

/** Makes a new RSA key pair with `openssl`, which must be installed. */
export async function makeTokenKeys(): Promise<TokenKeys> {
  const folder = await mkdtemp(join(temporaryRoot(), 'token-keys-'));
  const keys = { publicKeyFile: join(folder, 'public.pem'), privateKeyFile: join(folder, 'private.pem') };
  const rsa = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];
  await runTool('openssl', ['genpkey', ...rsa, '-out', keys.privateKeyFile]);
  await runTool('openssl', ['pkey', '-in', keys.privateKeyFile, '-pubout', '-out', keys.publicKeyFile]);
  return keys;
}
