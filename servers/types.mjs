// @ts-check

/**
 * One server this repository can put on a bare machine: what it is pinned to and how it is obtained.
 *
 * @typedef {object} Server
 * @property {ServerName} name the name the commands take; also the service's name in docker-compose.yml
 * @property {string} version read from the lock file, so it is written down once
 * @property {string} image container image with its tag, the same as in docker-compose.yml
 * @property {string} variable environment variable with the endpoints of a server the user already runs
 * @property {number} port standard client port, used by `start`
 * @property {readonly string[]} locks absolute paths of the files that pin every byte of the build
 * @property {string | undefined} binary file inside the install folder that `path` prints; undefined: the folder itself
 * @property {number} niceness added to the build's scheduling priority: 0 for builds that something waits for
 * @property {GoBuild | MavenBuild} build how it is made from a package registry
 * @property {readonly ImageCopy[]} copies how it is taken out of the image instead
 */

/** @typedef {'etcd' | 'kafka' | 'consul'} ServerName */

/**
 * @typedef {object} GoBuild
 * @property {'go'} tool
 * @property {string} folder folder of go.mod
 * @property {Readonly<Record<string, string>>} packages file to write: Go package to build
 */

/**
 * @typedef {object} MavenBuild
 * @property {'maven'} tool
 * @property {string} pom
 * @property {string} sums `sha256sum` lines for every jar
 */

/**
 * @typedef {object} ImageCopy
 * @property {string} from path in the image
 * @property {string} to path in the install folder
 */

/** @typedef {(line: string) => void} Log one line of progress, without a line break */

/**
 * How to run one instance: a command for `spawn`. The files it needs were already written.
 *
 * @typedef {object} Launch
 * @property {string} command
 * @property {string[]} args
 */

export {};
