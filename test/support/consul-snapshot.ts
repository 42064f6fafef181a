import { createHash, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ensure } from '../../servers/lib.mjs';
import type { Consul } from './consul.js';
import { temporaryRoot } from './reaper.js';
import { runTool } from './tool.js';

/** Operations of an administrator on a store. */

/**
 * How long one `consul snapshot` may take, ms. It takes well under a second, and Consul sets no limit of its own: in a
 * chaos run, one restore had no answer for 60 s.
 */
const TIMEOUT_MS = 15_000;

/** `consul snapshot save`. @returns the file, which goes when the test process ends */
export async function saveSnapshot(consul: Consul): Promise<string> {
  const file = newFile();
  await snapshot(consul, 'save', file);
  return file;
}

/** `consul snapshot restore`: replaces all that the servers of a datacenter hold, while they run. */
export async function restoreSnapshot(consul: Consul, file: string): Promise<void> {
  await snapshot(consul, 'restore', file);
}

/**
 * A copy of a snapshot in which a text (a key or a value) is replaced by another of the same length everywhere. No
 * sequence of writes makes such a store.
 */
export async function editSnapshot(file: string, text: string, replacement: string): Promise<string> {
  if (text.length !== replacement.length) throw new Error('the snapshot says how long each text is');
  // The snapshot is a tar file with the store, and the store's checksum as text of constant length.
  const archive = gunzipSync(await readFile(file));
  const state = fileIn(archive, 'state.bin');
  const before = sha256(state);
  for (let at = state.indexOf(text); at >= 0; at = state.indexOf(text, at + 1)) state.write(replacement, at, 'latin1');
  archive.write(sha256(state), archive.indexOf(before), 'latin1');
  const edited = newFile();
  await writeFile(edited, gzipSync(archive));
  return edited;
}

async function snapshot(consul: Consul, verb: 'save' | 'restore', file: string): Promise<void> {
  const install = await ensure('consul', { log: console.error });
  const args = ['snapshot', verb, `-http-addr=${consul.url}`, file];
  await runTool(join(install, 'consul'), args, undefined, { timeoutMs: TIMEOUT_MS });
}

const newFile = (): string => join(temporaryRoot(), `consul-${randomUUID()}.snapshot`);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes of one file in a tar archive, in place. */
function fileIn(archive: Buffer, name: string): Buffer {
  const header = archive.indexOf(`${name}\0`);
  const size = Number.parseInt(archive.toString('latin1', header + 124, header + 135), 8);
  return archive.subarray(header + 512, header + 512 + size);
}
