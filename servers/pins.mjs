// @ts-check
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @param {string} relative path below servers/ */
export const lockFile = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/**
 * The version that a go.mod requires of a module, without the leading `v`.
 *
 * @param {string} goMod path of the file
 * @param {string} module
 */
export function goVersion(goMod, module) {
  return pinned(goMod, new RegExp(`^\\s*${quote(module)} v(\\S+)$`, 'm'), module);
}

/**
 * The oldest Go that a go.mod accepts, as `1.26.0`.
 *
 * @param {string} goMod
 */
export function goDirective(goMod) {
  return pinned(goMod, /^go (\S+)$/m, 'the go directive');
}

/**
 * The version that a pom.xml requires of an artifact.
 *
 * @param {string} pom path of the file
 * @param {string} artifact
 */
export function mavenVersion(pom, artifact) {
  return pinned(pom, new RegExp(`<artifactId>${quote(artifact)}</artifactId>\\s*<version>([^<]+)</version>`), artifact);
}

/**
 * @param {string} file
 * @param {RegExp} pattern
 * @param {string} what
 */
function pinned(file, pattern, what) {
  const version = pattern.exec(readFileSync(file, 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${file} does not pin ${what}`);
  return version;
}

/** @param {string} text */
const quote = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
