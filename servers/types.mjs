// @ts-check

/**
 * One server this repository can put on a bare machine: what it is pinned to and how it is obtained.
 *
 * @typedef {object} Server
 * @property {ServerName} name the name `install` and `path` take
 * @property {string} version read from the lock file, so it is written down once
 * @property {string} image container image with its tag
 * @property {string | undefined} variable environment variable with the endpoints of a server the user already runs;
 *   undefined: there is none, nor a service of this name in docker-compose.yml
 * @property {number} port client port of the one that `start` runs
 * @property {readonly string[]} locks absolute paths of the files that pin every byte of the build
 * @property {string | undefined} binary file inside the install folder that `path` prints; undefined: the folder itself
 * @property {number} niceness added to the build's scheduling priority: 0 for builds that something waits for
 * @property {GoBuild | MavenBuild} build how it is made from a package registry
 * @property {readonly ImageCopy[]} copies how it is taken out of the image instead
 */

/** @typedef {'etcd' | 'etcd-3.5' | 'etcd-3.7' | 'kafka' | 'consul' | 'coredns'} ServerName */

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
 * What `start NAME` runs: one or more processes of a server, all on 127.0.0.1.
 *
 * @typedef {object} Deployment
 * @property {string} name the name `start` and `stop` take
 * @property {Server} server what is installed for it
 * @property {boolean} standard the server as it is: the environment variable or docker-compose.yml may provide it instead
 * @property {string} [credentials] file or folder, below the run folder, that clients need besides the endpoints
 * @property {readonly Instance[]} instances
 */

/**
 * One process of a deployment.
 *
 * @typedef {object} Instance
 * @property {string} name the deployment's, or below it; names the run folder too
 * @property {number} port its clients'
 * @property {(places: Places) => Promise<Prepared>} prepare writes what it needs, and tells how to run it
 */

/**
 * @typedef {object} Places
 * @property {string} install install folder
 * @property {string} folder run folder
 * @property {string} dataDir exists
 */

/**
 * @typedef {object} Prepared
 * @property {Launch} launch
 * @property {() => Promise<boolean>} ready may throw while it is not
 */

/**
 * A command for `spawn`. The files it needs were already written.
 *
 * @typedef {object} Launch
 * @property {string} command
 * @property {string[]} args
 */

export {};
