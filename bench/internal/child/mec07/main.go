// Command mec07 is github.com/mec07/cloudwatchwriter under load.
//lint:file-ignore SA1019 mec07 takes a client of the old SDK.

package main

import (
	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/mec07/cloudwatchwriter"

	"example.com/zapcw/bench/internal/load"
)

func main() { load.Main(load.Kinds(load.Library{Name: "mec07", Open: open})) }

func open(r *load.Receiver) (load.Sink, error) {
	sess, err := session.NewSession(&aws.Config{
		Region: aws.String("us-east-1"), Endpoint: &r.URL,
		Credentials: credentials.NewStaticCredentials("AKIDEXAMPLE", "secret", ""),
	})
	if err != nil {
		return load.Sink{}, err
	}
	w, err := cloudwatchwriter.New(sess, load.Group, load.Stream)
	if err != nil {
		return load.Sink{}, err
	}
	return load.ToWriter(w, func() error { w.Close(); return nil }), nil
}
