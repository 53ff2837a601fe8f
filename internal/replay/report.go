package replay

import (
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/zapcw/internal/terminal"
)

// A Report says what a replay has sent, and what of it is proven.
type Report struct {
	Sent  int64 // lines
	Bytes int64 // of their texts

	Empty, CRLF, Long, Invalid int64 // lines with something special

	Sending, Reading time.Duration

	Parts    int   // that the server had to forget
	Others   int64 // events that stood between: of others, or sent twice
	Proven   bool
	Unproven error  // why the stream could not be read
	Sum      []byte // SHA-256 of what was read back; nil if it has another order than the input
}

// Changed reports whether the bytes of the input are not those of the stream, and why.
func (r *Report) Changed() string {
	var parts []string
	for _, p := range []struct {
		n                 int64
		one, many, became string
	}{
		{r.Empty, "is empty", "are empty", "sent as a space"},
		{r.CRLF, "ends in CRLF", "end in CRLF", "sent without"},
		{r.Invalid, "is not UTF-8", "are not UTF-8", "sent with U+FFFD"},
	} {
		if p.n == 1 {
			parts = append(parts, fmt.Sprintf("1 line %s (%s)", p.one, p.became))
		} else if p.n > 1 {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", terminal.Count(p.n, "line"), p.many, p.became))
		}
	}
	return strings.Join(parts, ", ")
}

// Tell says what was sent, and what is proven.
func (r *Replay) Tell(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, %s, into stream %s of %s\n", r.In.Name,
		terminal.Count(r.Sent, "line"), terminal.Bytes(r.Bytes), r.Stream.Name, r.Stream.Group)
	rate := ""
	if r.Sent > 1 && r.Sending > 0 {
		rate = fmt.Sprintf(" (%s lines/s)", terminal.Number(int64(float64(r.Sent)/r.Sending.Seconds())))
	}
	fmt.Fprintf(w, "at %s: sent in %s%s", r.Stream.Service.Name, terminal.Duration(r.Sending), rate)
	if r.Proven {
		fmt.Fprintf(w, ", read back in %s", terminal.Duration(r.Reading))
	}
	fmt.Fprintln(w)
	if r.Long > 0 {
		fmt.Fprintf(w, "%s longer than an event may be, and split\n", are(r.Long, "line"))
	}
	fmt.Fprintln(w, AccountOf(r.Out.Stats()))
	r.proof(w)
}

// proof tells what is proven.
func (r *Replay) proof(w io.Writer) {
	all := fmt.Sprintf("all %s are", terminal.Count(r.Sent, "line"))
	if r.Sent == 1 {
		all = "its line is"
	}
	switch {
	case r.Unproven != nil:
		fmt.Fprintf(w, "not proven, since the stream cannot be read: %s\n", terminal.OneLine(r.Unproven.Error()))
		return
	case !r.Proven:
		return
	case r.undone > 0:
		fmt.Fprintf(w, "proven: what was delivered of %s is in the stream\n", terminal.Count(r.Sent, "line"))
		return
	case r.Sent == 0:
		fmt.Fprintln(w, "there was nothing to send")
		return
	case r.Sum == nil:
		fmt.Fprintf(w, "proven: %s in the stream, each with its own time\n", all)
		return
	}
	between := ""
	if r.Others > 0 && !r.Timed {
		// A put whose answer got lost is sent again.
		between = fmt.Sprintf(", with %s between: of others, or sent twice", terminal.Count(r.Others, "event"))
	}
	fmt.Fprintf(w, "proven: %s in the stream, in order%s\n", all, between)
	if r.Parts > 0 {
		fmt.Fprintf(w, "The server in memory held one part at a time; all %d are proven.\n", r.Parts+1)
	}
	fmt.Fprintf(w, "The SHA-256 of the lines that were read back is\n  %x\n", r.Sum)
	switch changed := r.Changed(); {
	case r.Altered && changed != "":
		fmt.Fprintf(w, "and that of the input another, since not all of it was sent as it is, and\n%s.\n", changed)
	case changed != "":
		fmt.Fprintf(w, "and that of the input another, since\n%s.\n", changed)
	case r.Altered:
		fmt.Fprintln(w, "and that of the input another, since not all of it was sent as it is.")
	case r.In.Name == "standard input":
		fmt.Fprintln(w, "as sha256sum gives it for the same input.")
	default:
		fmt.Fprintf(w, "as sha256sum %s gives it.\n", r.In.Name)
	}
}

func are(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return terminal.Count(n, noun) + " are"
}
