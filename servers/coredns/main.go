// CoreDNS with the plugins that serve a zone from a file on one address, and no others.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/file"
)

func init() { dnsserver.Directives = []string{"bind", "file"} }

func main() { coremain.Run() }
