// @ts-check

export const usage = `Real etcd, Kafka and Consul on a bare machine.

Usage: npm run servers -- COMMAND

  install [NAME…]   install servers into the cache (all of them unless named), for tests and for start
  start NAME        run one on 127.0.0.1, in the background; prints its endpoints, then where its token or ca.pem lies
  stop NAME         stop the one that start started; its data stays
  path NAME         print the binary (etcd, consul) or the folder (kafka) of an installed server
  status            list what is installed and what runs
  clean             remove everything that install and start have written

NAME is kafka, etcd or consul, each on its standard port, or etcd-3.5 or etcd-3.7, for tests. install and path also take
coredns; start and stop also take consul-cluster (three servers), consul-acl (denies what has no token) and consul-tls
(HTTPS). See servers/README.md.
`;
