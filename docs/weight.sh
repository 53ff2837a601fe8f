#!/usr/bin/env bash
# What zapcw adds to a program: the size of its binary, and the time it takes to
# start, make a logger and end. Runs take turns; the times are medians of 51.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

program() { # name, imports, body
	mkdir "$dir/$1"
	printf 'package main\n\nimport (%s)\n\nfunc main() {%s}\n' "$2" "$3" >"$dir/$1/main.go"
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$dir/$1/run" "$dir/$1/main.go"
}
sdk='"github.com/aws/aws-sdk-go-v2/credentials"; "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"'
config='"context"; "github.com/aws/aws-sdk-go-v2/config"; "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"'
static='client := cloudwatchlogs.New(cloudwatchlogs.Options{Region: "us-east-1",
	Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")})'
default='cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil { panic(err) }
	client := cloudwatchlogs.NewFromConfig(cfg)'
logger='s := &zapcw.Syncer{Client: client, Group: "/acme/prod", Stream: "orders"}
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())
	_ = zap.New(zapcw.NewCore(enc, s, zap.InfoLevel)).Sync()'
put='if len(os.Args) > 1 { fmt.Println(client.PutLogEvents(context.Background(), nil)) }
	_ = zap.NewNop().Sync()'

program zap '"os"; "go.uber.org/zap"; "go.uber.org/zap/zapcore"' '
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	_ = zap.New(zapcore.NewCore(enc, zapcore.Lock(os.Stdout), zap.InfoLevel)).Sync()'
program sdk "\"context\"; \"fmt\"; \"os\"; \"go.uber.org/zap\"; $sdk" "$static; $put"
program zapcw "\"go.uber.org/zap\"; \"example.com/zapcw\"; $sdk" "$static; $logger"
program config "\"go.uber.org/zap\"; \"example.com/zapcw\"; $config" "$default; $logger"

programs='zap sdk zapcw config'
for _ in $(seq 51); do
	for p in $programs; do
		begin=${EPOCHREALTIME/./}
		AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true "$dir/$p/run"
		echo $((${EPOCHREALTIME/./} - begin)) >>"$dir/$p/times"
	done
done
go version
for p in $programs; do
	bytes=$(wc -c <"$dir/$p/run")
	micros=$(sort -n "$dir/$p/times" | sed -n 26p)
	awk -v p="$p" -v b="$bytes" -v t="$micros" 'BEGIN { printf "%-7s %5.1f MB %5.1f ms\n", p, b / 1e6, t / 1e3 }'
done
