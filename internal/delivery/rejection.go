package delivery

import (
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/internal/batch"
)

// A run is events of a put that share a fate, and the notice if that does too.
type run struct {
	evs    batch.List
	notice bool
	fate   Fate
}

// runsOf divides a request that the service took by what it rejected all the
// same: the ends of the old and expired events are exclusive, the start of the new
// ones is inclusive. A notice counts as event 0.
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_RejectedLogEventsInfo.html
func runsOf(r *request, out *cloudwatchlogs.PutLogEventsOutput) []run {
	if out == nil || out.RejectedLogEventsInfo == nil {
		return []run{{r.evs, r.notice != "", Delivered}}
	}
	info := out.RejectedLogEventsInfo
	all := r.count()
	own := all - r.evs.Len()
	index := func(i *int32, absent int) int {
		if i == nil {
			return absent
		}
		return min(max(int(*i), 0), all)
	}
	old := index(info.TooOldLogEventEndIndex, 0)
	expired := max(index(info.ExpiredLogEventEndIndex, 0), old)
	fresh := max(index(info.TooNewLogEventStartIndex, all), expired)

	var runs []run
	from := 0
	for _, part := range [...]struct {
		end  int
		fate Fate
	}{{old, TooOld}, {expired, Expired}, {fresh, Delivered}, {all, TooNew}} {
		if from < part.end {
			runs = append(runs, run{r.evs.Slice(from-own, part.end-own), from < own, part.fate})
			from = part.end
		}
	}
	return runs
}
