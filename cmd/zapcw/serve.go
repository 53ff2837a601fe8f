package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/remote"
)

const serveUsage = `Usage: zapcw serve [-addr HOST:PORT] [-data FILE]

A CloudWatch Logs server in memory, for the SDKs, the aws command line and
zapcw, with a page that shows its streams live. Ctrl-C ends it. It enforces the
service's limits and takes any credentials.

  -addr HOST:PORT  where to listen (default 127.0.0.1:4586); port 0 is any.
                   Only this machine can reach the default. Whoever reaches
                   another can read and write everything
  -data FILE       keep what comes in, and have it again after a restart. At the
                   start it is written anew if more than half of it is gone:
                   deleted, or older than the retention of its group

At the start it prints the variables that lead there. An aws command older than
2.13 ignores AWS_ENDPOINT_URL: it wants --endpoint-url. A live tail of the aws
command or boto3 wants AWS_DISABLE_HOST_PREFIX_INJECTION=true as well.

Examples:
  zapcw serve
  zapcw serve -data logs.cwl
  AWS_ENDPOINT_URL=http://127.0.0.1:4586 aws logs tail /acme/prod --follow
`

// serve runs the server until ctx ends.
func (c *command) serve(ctx context.Context, args []string) error {
	flags := newFlags()
	addr, data := "127.0.0.1:4586", ""
	text(flags, &addr, "addr", "an address like 127.0.0.1:4586")
	text(flags, &data, "data", "a file")
	if err := parse(flags, args, serveUsage); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("argument %q is none of the flags; -h lists them", flags.Arg(0))}
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{fmt.Errorf("-addr %q: want a host and a port, like 127.0.0.1:4586", addr)}
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return usageError{fmt.Errorf("-addr %q: want a port from 0 to 65535", addr)}
	}

	server := &cwltest.Server{KeepEvents: -1} // streams are enough, without records of requests
	if data != "" {
		file, err := openData(ctx, server, data, c.warn)
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			return nil // Ctrl-C is how it ends
		}
		if err != nil {
			return err
		}
		defer file.Close()
	}
	if err := server.Listen(addr); err != nil {
		return err
	}
	if err := c.announce(server.URL(), data); err != nil {
		return errors.Join(err, server.Close())
	}
	<-ctx.Done()
	return server.Close()
}

// warn tells of what does not keep it from serving.
func (c *command) warn(err error) { fmt.Fprintf(c.stderr, "zapcw serve: %v\n", err) }

// announce says how the server is reached.
func (c *command) announce(address, data string) error {
	u, err := url.Parse(address)
	if err != nil {
		u = &url.URL{Scheme: "http", Host: address}
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		reach := u.Host
		if ip != nil && ip.IsUnspecified() {
			reach = "every address of this machine"
			u.Host = net.JoinHostPort("127.0.0.1", u.Port())
		}
		c.warn(fmt.Errorf("listens on %s: whoever reaches it can read and write all streams", reach))
	}
	w := bufio.NewWriter(c.stdout)
	fmt.Fprintf(w, "A CloudWatch Logs server runs at %s; Ctrl-C ends it.\n", u)
	if data != "" {
		fmt.Fprintf(w, "Its streams are kept in %s.\n", data)
	}
	fmt.Fprintf(w, "\nThe page:  %s/\n\nTo log there, put this line before a command, or behind export:\n\n", u)
	// boto3 and version 1 of the aws command read AWS_DEFAULT_REGION only, others AWS_REGION only.
	fmt.Fprintf(w, "AWS_ENDPOINT_URL=%s AWS_REGION=%[2]s AWS_DEFAULT_REGION=%[2]s AWS_ACCESS_KEY_ID=%[3]s AWS_SECRET_ACCESS_KEY=%[3]s\n",
		u, remote.DefaultRegion, remote.DummyKey)
	return w.Flush() // has the first error of all
}
