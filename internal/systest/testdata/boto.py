"""A program that logs into a stream, or reads one, by boto3 alone.

boto.py write ENDPOINT GROUP STREAM TAG N   logs TAG.0 to TAG.N-1 once a line comes on stdin
boto.py read ENDPOINT GROUP STREAM          prints the messages, a JSON string each line
"""

import json
import sys
import time

import boto3
import botocore.config


def write(logs, group, stream, tag, n):
    stamp, batch = 0, []
    for i in range(int(n)):
        stamp = max(stamp, int(time.time() * 1000))  # a put has to be in order
        batch.append({"timestamp": stamp, "message": f"{tag}.{i}"})
        if len(batch) == 20:
            put(logs, group, stream, batch)
            batch = []
    if batch:
        put(logs, group, stream, batch)


def put(logs, group, stream, batch):
    name = {"logGroupName": group, "logStreamName": stream}
    while True:
        try:
            answer = logs.put_log_events(**name, logEvents=batch)
        except logs.exceptions.ResourceNotFoundException:
            create(logs.create_log_group, logGroupName=group)
            create(logs.create_log_stream, **name)
            continue
        if "rejectedLogEventsInfo" in answer:
            sys.exit(f"rejected: {answer['rejectedLogEventsInfo']}")
        return


def create(operation, **name):
    try:
        operation(**name)
    except operation.__self__.exceptions.ResourceAlreadyExistsException:
        pass  # somebody else was faster


def read(logs, group, stream):
    more = {}
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **more)
        for event in page["events"]:
            print(json.dumps(event["message"]))
        if more.get("nextToken") == page["nextForwardToken"]:
            return
        more["nextToken"] = page["nextForwardToken"]


def main(what, endpoint, *args):
    # A put that is tried again would be there twice.
    once = botocore.config.Config(retries={"total_max_attempts": 1})
    logs = boto3.client("logs", endpoint_url=endpoint, config=once)
    if what == "write":
        print(boto3.__version__, flush=True)
        sys.stdin.readline()
        write(logs, *args)
    else:
        read(logs, *args)


main(*sys.argv[1:])
