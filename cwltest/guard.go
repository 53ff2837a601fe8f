package cwltest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard keeps web pages of other origins away from a listening server, so that
// none of them can read what its user logs. Whoever is no browser passes: the
// API has signatures, and names of its own in a network of containers.
type guard struct {
	host string // the host that the server was told to listen on, "" for all
}

var errCrossOrigin = errors.New("requests of other origins are refused")

// check says why a request is refused. A browser is known by the method that
// the page is got with, and by the headers that it sends with any other. DNS
// rebinding, by which a page calls its own name and reaches this server, fails
// by the name.
func (g guard) check(r *http.Request) error {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if r.Method != http.MethodGet && r.Method != http.MethodHead && origin == "" && site == "" {
		return nil
	}
	if !g.knows(r) {
		return fmt.Errorf("the host %q is refused: use localhost or an IP address that this server listens on", r.Host)
	}
	if origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host {
		return errCrossOrigin
	}
	switch site {
	case "", "none", "same-origin":
		return nil
	}
	// A link in somebody's chat opens the page, which has no data in it. What
	// opened it cannot look inside.
	if r.URL.Path == "/" && r.Method == http.MethodGet && origin == "" &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
		return nil
	}
	return errCrossOrigin
}

// knows reports whether the Host header names this server: a loopback name or
// address, the address of the connection, what the server was told to listen
// on, or any address if that was all of them.
func (g guard) knows(r *http.Request) bool {
	name := r.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return name != "" && name == strings.ToLower(g.host)
	}
	ip = ip.Unmap().WithZone("")
	if listen, err := netip.ParseAddr(g.host); g.host == "" || err == nil && listen.IsUnspecified() {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.IsLoopback() || local != nil && local.AddrPort().Addr().Unmap().WithZone("") == ip
}
