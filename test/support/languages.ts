import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from '../../servers/cache.mjs';
import { withLock } from '../../servers/lock.mjs';
import { runTool } from './tool.js';

/** Kafka producers in other languages, each a small program in `test/clients/LANGUAGE`. */
export const LANGUAGES = ['java', 'python', 'go'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The command; the bootstrap servers and the topic are appended to its arguments. */
export interface InstalledProgram {
  readonly command: string;
  readonly args: readonly string[];
}

interface Toolchain {
  /** Commands that must succeed. The first one that fails is named as the reason for skipping. */
  readonly needs: readonly (readonly [command: string, ...args: string[]])[];
  /** Installs the program's dependencies into its folder, which may be renamed afterwards. */
  install(folder: string): Promise<void>;
  program(folder: string): InstalledProgram;
}

/** How long an install may take, ms: a download and a compiler on a busy machine. */
const INSTALL_MS = 900_000;

const sources = fileURLToPath(new URL('../clients/', import.meta.url));

const TOOLCHAINS: Readonly<Record<Language, Toolchain>> = {
  java: {
    needs: [
      ['java', '-version'],
      ['mvn', '-v'],
    ],
    install: (folder) =>
      run('mvn', [
        '-q',
        '-f',
        join(folder, 'pom.xml'),
        'dependency:copy-dependencies',
        `-DoutputDirectory=${folder}/lib`,
      ]),
    program: (folder) => ({ command: 'java', args: ['-cp', join(folder, 'lib', '*'), join(folder, 'Producer.java')] }),
  },
  python: {
    needs: [['python3', '-m', 'pip', '--version']],
    install: (folder) =>
      run('python3', [
        '-m',
        'pip',
        'install',
        '-q',
        '--target',
        join(folder, 'lib'),
        '-r',
        join(folder, 'requirements.txt'),
      ]),
    program: (folder) => ({
      command: 'env',
      args: [`PYTHONPATH=${join(folder, 'lib')}`, 'python3', join(folder, 'producer.py')],
    }),
  },
  go: {
    needs: [['go', 'version']],
    install: (folder) => run('go', ['build', '-C', folder, '-o', 'producer', '.']),
    program: (folder) => ({ command: join(folder, 'producer'), args: [] }),
  },
};

/** Why a language's producer cannot run here; undefined when it can. */
export async function missingToolchain(language: Language): Promise<string | undefined> {
  for (const [command, ...args] of TOOLCHAINS[language].needs) {
    try {
      await runTool(command, args);
    } catch {
      return `there is no ${[command, ...args].join(' ')}`;
    }
  }
  return undefined;
}

/** The program, installed once for each content of its folder into the per-user cache. */
export async function installProgram(language: Language): Promise<InstalledProgram> {
  const source = join(sources, language);
  const hash = createHash('sha256');
  for (const file of (await readdir(source)).sort()) hash.update(await readFile(join(source, file)));
  const folder = join(cacheRoot(), 'clients', `${language}-${hash.digest('hex').slice(0, 12)}`);
  await mkdir(dirname(folder), { recursive: true });
  if (!existsSync(folder)) await withLock(`${folder}.lock`, () => install(language, source, folder));
  return TOOLCHAINS[language].program(folder);
}

/** Installs into another folder and renames it, so that a folder that exists is complete. */
async function install(language: Language, source: string, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const aside = await mkdtemp(`${folder}-`);
  try {
    await cp(source, aside, { recursive: true });
    await TOOLCHAINS[language].install(aside);
    await rename(aside, folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function run(command: string, args: readonly string[]): Promise<void> {
  await runTool(command, args, undefined, { timeoutMs: INSTALL_MS });
}
