// Package systest tests zapcw as a whole, through what it exports, against
// cwltest and, where they are there, the servers and clients of others.
//
// What each file is about: faults_test.go the matrix of faults, moments and
// durations; outage_test.go outages and bad events; model_test.go random
// schedules; overload_test.go memory that is full; intake_test.go and
// sender_test.go what starts a put and what it carries; fallback_test.go and
// client_test.go writers and clients that fail; memory_test.go and allocs_test.go
// what an idle or busy Syncer costs; fleet_test.go thousands of them; process_test.go
// processes that end, freeze or flood; privilege_test.go the rights a writer needs;
// compress_test.go gzip; zap_test.go the ways to build a logger; interop_test.go
// moto, boto3 and the aws command line.
package systest
