"""A stand-in for the original logger, which is not at hand.

It is written after the original's description and measured against what was
recorded: "python3 original.py golden.json" says how many of those cases it
gives alike. kinds.py lets it record more of them.
"""
import builtins
import json
import logging
import os
import re
import sys
import time

NAMES = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
METHODS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LABELS = {
    "#standard": "{level}: {func}: {caller}: ",
    "#short": "{level}: {func}: ",
    "#simple": "{func}: ",
}


def coerce(level):
    if level is None or level == "":
        return logging.INFO
    if isinstance(level, str):
        return getattr(logging, level.upper(), logging.INFO)
    return level


def boom(*_):
    raise ValueError("format boom")


CALLABLES = {
    "colourMePink": lambda level, func, caller, msg: "" if level == 20 else
        NAMES[level] + ": " + (f"{func}: {caller}: " if level == 10 else ""),
    "argdump": lambda level, func, caller, msg: f"<{level}|{func}|{caller}|{msg}> ",
    "raises": boom,
    "returns_none": lambda *_: None,
    "returns_int": lambda *_: 7,
    "callable_object": lambda level, *_: f"(obj {level}) ",
}


def three_args(_level, _func, _caller):
    return ""


CALLABLES["three_args"] = three_args


class Object:
    def __str__(self):
        return "obj-str"

    def __repr__(self):
        return "obj-repr"


def python(value):
    """The value that a case means."""
    if not isinstance(value, dict) or "py" not in value:
        return value
    kind = value["py"]
    if kind == "repeat":
        return value["text"] * value["count"]
    if kind == "exception":
        return getattr(builtins, value["type"])(*value["args"])
    if kind == "bytes":
        return value["latin1"].encode("latin-1")
    if kind == "tuple":
        return tuple(value["value"])
    if kind == "float":
        return float(value["value"])
    if kind == "object":
        return Object()
    if kind == "dict_with_unserialisable":
        return {"a": Object(), "n": 1}
    if kind == "dict_with_tuple_key":
        return {(1, 2): 3}
    return value["value"]


class ServiceError(Exception):
    def __init__(self, code, op, message, tries=1):
        self.code = code
        retried = f" (reached max retries: {tries - 1})" if tries > 1 else ""
        super().__init__(f"An error occurred ({code}) when calling the {op} operation{retried}: {message}")


class Server:
    """As much of moto and botocore as the cases need."""

    RETRIED = {"ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "RequestThrottledException",
               "TooManyRequestsException", "ProvisionedThroughputExceededException", "SlowDown", "RequestLimitExceeded",
               "TransactionInProgressException", "PriorRequestNotComplete", "BandwidthLimitExceeded"}

    def __init__(self, case):
        self.streams, self.tokens, self.groups = {}, {}, set()
        self.faults = [dict(f, left=f.get("times", 1), skip=f.get("skip", 0)) for f in case.get("faults", [])]
        self.calls, self.results, self.batches, self.put_results = [], [], [], []
        self.apply(case.get("setup", []))

    def apply(self, steps):
        for step in steps:
            for what, arg in step.items():
                if what == "group":
                    self.groups.add(arg)
                elif what == "stream":
                    self.streams[tuple(arg)] = []
                elif what == "seed":
                    self.streams[tuple(arg[:2])] = self.streams.get(tuple(arg[:2]), []) + arg[2]
                    self.tokens[tuple(arg[:2])] = "1"
                elif what == "delete_stream":
                    del self.streams[tuple(arg)]
                    self.tokens.pop(tuple(arg), None)
                elif what == "delete_group":
                    self.groups.discard(arg)
                    for key in [k for k in self.streams if k[0] == arg]:
                        del self.streams[key]

    def call(self, op, group, stream, events=None):
        for name, value in (("logGroupName", group), ("logStreamName" if op != "DescribeLogStreams" else "logStreamNamePrefix", stream)):
            if value == "" and not (op == "CreateLogGroup" and name != "logGroupName"):
                raise Exception(f"Parameter validation failed:\nInvalid length for parameter {name}, value: 0, valid min length: 1")
            if value is None and name != "logGroupName":
                raise Exception(f"Parameter validation failed:\nInvalid type for parameter {name}, value: None, type: <class 'NoneType'>, valid types: <class 'str'>")
        if events and any(e["message"] == "" for e in events):
            raise Exception("Parameter validation failed:\nInvalid length for parameter logEvents[0].message, value: 0, valid min length: 1")
        for attempt in range(1, 6):
            self.calls.append(op)
            if events is not None:
                self.batches.append(list(events))
            result, reply, retry = self.answer(op, group, stream, events)
            self.results.append(result)
            if events is not None:
                self.put_results.append(result)
            if not retry or attempt == 5:
                break
        if isinstance(reply, tuple):
            raise ServiceError(reply[0], op, reply[1], attempt if retry else 1)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def answer(self, op, group, stream, events):
        for f in self.faults:
            if f["op"] not in ("*", op) or f["left"] == 0:
                continue
            if f["skip"] > 0:
                f["skip"] -= 1
                continue
            f["left"] -= 1
            if f.get("drop"):
                return "connection-dropped", Exception('Connection was closed before we received a valid response from endpoint URL: "<endpoint>/".'), True
            if "code" in f:
                retry = f["code"] in self.RETRIED or f.get("status", 400) >= 500
                return f["code"], (f["code"], f["message"]), retry
            if "merge" in f:
                result, reply, retry = self.serve(op, group, stream, events)
                return result + "(merged)", dict(reply, **f["merge"]), retry
            return "ok(scripted)", f["body"], False
        return self.serve(op, group, stream, events)

    def serve(self, op, group, stream, events):
        key = (group, stream)
        refuse = lambda code, message: (code, (code, message), False)
        if op == "DescribeLogStreams":
            if group not in self.groups:
                return refuse("ResourceNotFoundException", "The specified log group does not exist.")
            found = [dict(logStreamName=s, **({"uploadSequenceToken": self.tokens[g, s]} if (g, s) in self.tokens else {}))
                     for g, s in sorted(self.streams) if g == group and s.startswith(stream)]
            return "ok", {"logStreams": found}, False
        if op == "CreateLogGroup":
            if group in self.groups:
                return refuse("ResourceAlreadyExistsException", "The specified log group already exists")
            self.groups.add(group)
            return "ok", {}, False
        if group not in self.groups:
            return refuse("ResourceNotFoundException", "The specified log group does not exist.")
        if op == "CreateLogStream":
            if key in self.streams:
                return refuse("ResourceAlreadyExistsException", "The specified log stream already exists")
            self.streams[key] = []
            return "ok", {}, False
        if key not in self.streams:
            return refuse("ResourceNotFoundException", "The specified log stream does not exist.")
        times = [e["timestamp"] for e in events]
        if times != sorted(times):
            return refuse("InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.")
        now = max(self.now, 0)
        self.streams[key] += [e["message"] for e in events if e["timestamp"] + self.base > now - 14 * 86_400_000]
        self.tokens[key] = str(len(self.calls))
        return "ok", {"nextSequenceToken": self.tokens[key]}, False


class CustomLogging:
    def __init__(self, server, group, stream, level=logging.INFO, function=None, format=None):
        self.server, self.group, self.stream = server, group, stream
        self.level = coerce(level)
        self.function = "" if function is None else function
        self.format = "#standard" if format is None else format
        self.events, self.token, self.valid, self.out, self.now = [], None, False, [], 0

    def prefix(self, level, caller, msg):
        if callable(self.format):
            return self.format(level, self.function, caller, msg)
        if not isinstance(self.format, str):
            return ""
        if self.format == "#mini":
            text = NAMES[level] + ": " if level >= logging.WARNING else ""
            return text + (self.function + ": " if self.function else "")
        return LABELS.get(self.format, self.format).format(level=NAMES.get(level, str(level)), func=self.function, caller=caller)

    def put(self, msg, level=logging.INFO, withPurge=False, caller=""):
        level = coerce(level)
        if not self.level <= level:
            return
        if self.group is None:
            self.print(str(msg))
            return
        text = self.prefix(level, caller, msg) + str(msg)
        if self.level == logging.DEBUG:
            self.print(text)
        self.events.append({"timestamp": self.now, "message": text})
        if withPurge or len(self.events) >= 20 or self.now - self.events[0]["timestamp"] >= 60_000:
            self.purge()

    def print(self, text):
        self.out += text.split("\n")

    def purge(self):
        if not self.events:
            return
        try:
            self.deliver()
        except Exception as err:
            self.print("[" + ", ".join("{'timestamp': <t+%d>, 'message': %r}" % (e["timestamp"], e["message"]) for e in self.events) + "]")
            self.print(str(err))
        self.events = []

    def deliver(self):
        state = "hungry"
        for _ in range(100):
            try:
                if state == "hungry":
                    state = "ready" if self.valid else "lookup"
                elif state == "lookup":
                    self.token, self.valid = None, True
                    found = self.server.call("DescribeLogStreams", self.group, self.stream).get("logStreams")
                    self.token = found[0].get("uploadSequenceToken") if found else None
                    state = "ready" if self.token else "nostream"
                elif state == "nogroup":
                    self.token, self.valid = None, True
                    self.server.call("CreateLogGroup", self.group, self.stream)
                    state = "nostream"
                elif state == "nostream":
                    self.token, self.valid = None, True
                    self.server.call("CreateLogStream", self.group, self.stream)
                    state = "hungry"
                else:
                    reply = self.server.call("PutLogEvents", self.group, self.stream, self.events)
                    self.token, self.valid = reply["nextSequenceToken"], True
                    return
            except ServiceError as err:
                what = (state, err.code)
                if what == ("lookup", "ResourceNotFoundException") or what == ("nostream", "ResourceNotFoundException"):
                    state = "nogroup"
                elif what == ("nogroup", "ResourceAlreadyExistsException"):
                    state = "nostream"
                elif what == ("nostream", "ResourceAlreadyExistsException"):
                    self.valid, state = False, "hungry"
                elif state == "ready" and err.code in ("DataAlreadyAcceptedException", "ResourceAlreadyExistsException"):
                    self.valid = False
                    return
                elif what == ("ready", "InvalidSequenceTokenException"):
                    self.valid, state = False, "lookup"
                elif what == ("ready", "ResourceNotFoundException"):
                    self.token, self.valid, state = None, True, "nostream"
                else:
                    raise
        raise Exception("Failed to post to CloudWatch Logs.")


class PrintLogger:
    def __init__(self, level):
        self.level, self.out, self.events, self.now = level, [], [], 0

    def log(self, msg, level):
        if level >= self.level:
            self.out += str(msg).split("\n")


def create(server, cls, group, stream, level=logging.INFO, function=None, format=None):
    if isinstance(cls, dict):
        if "logging" not in cls and "class" in cls:
            cls = {"logging": cls}
        if "logging" not in cls:
            raise Exception(f"Unrecognised log class {cls}")
        p = cls["logging"]
        c = p.get("cloud-watch", {})
        if format is None:
            format = "#mini"
        get = lambda key, default: python_format(c.get(key, default))
        return create(server, p.get("class"), get("group", group), get("stream", stream), p.get("level", level),
                      get("function", function), get("format", format))
    if cls == "cloud-watch":
        return CustomLogging(server, group, stream, level, function, format)
    if cls == "#print":
        return PrintLogger(level)
    if cls is None or cls == "#null":
        return None
    raise Exception(f"Unrecognised log class {cls}")


def python_format(fmt):
    if isinstance(fmt, dict) and "$callable" in fmt:
        return CALLABLES[fmt["$callable"]]
    return python(fmt)


def construct(case, server):
    c = case["config"]
    args = {k: python_format(c[k]) for k in ("level", "function", "format") if k in c}
    if c["via"] == "factory":
        return create(server, python_format(c["class"]), c.get("group"), c.get("stream"), **args)
    return CustomLogging(server, c["group"], c["stream"], **args)


def do(log, call):
    """Makes a call."""
    caller, method = call.get("caller", "handler"), call["method"]
    if "msg" not in call and (method in METHODS or method in ("log", "put", "critical", "exception")):
        raise TypeError(f"CustomLogging.{method}() missing 1 required positional argument: 'msg'")
    msg, purge = python(call.get("msg")), call.get("purge", False)
    if method in ("purge", "release"):
        if isinstance(log, CustomLogging):
            log.purge()
    elif log is None:
        return
    elif isinstance(log, PrintLogger):
        level = {"critical": 50, "exception": 40, **METHODS}.get(method)
        log.log(msg, python(call["level"]) if method == "log" else level)
    elif method == "critical" and "purge" in call:
        raise TypeError("CustomLogging.critical() got an unexpected keyword argument 'withPurge'")
    elif method == "critical":
        log.put(msg, 50, True, call.get("call_func", caller))
    elif method == "exception":
        log.put(msg, 40, True, "exception")
    elif method == "log":
        log.put(msg, python(call["level"]), purge, caller)
    elif method == "put":
        log.put(msg, python(call.get("level", 20)), purge, call.get("call_func", call.get("outer_caller", "?")))
    elif method in METHODS:
        log.put(msg, METHODS[method], purge or call.get("extra_args") == [True], caller)


def record_logger(case):
    server = Server(case)
    server.base = 1000 * case.get("clock_base_s", 0)
    expect = {"stdout": [], "put_batches": [], "put_results": [], "api_calls": [], "api_results": [], "stored": {}, "calls": []}
    try:
        log = construct(case, server)
    except Exception as err:
        return {"construct_raises": f"{type(err).__name__}: {err}", **expect}
    for call in case["calls"]:
        if log and "at_ms" in call:
            log.now = round(call["at_ms"])
        server.now = server.base + (log.now if log else 0)
        server.apply(call.get("before", []))
        n, raises = len(server.calls), None
        if log:
            log.out = []
        try:
            do(log, call)
        except Exception as err:
            raises = f"{type(err).__name__}: {err}"
        got = {"stdout": log.out if log else [], "api_calls": server.calls[n:], "raises": raises}
        if isinstance(log, CustomLogging) and call["method"] not in ("release", "gc"):
            got["buffer_len"] = len(log.events)
        expect["calls"].append(got)
        expect["stdout"] += got["stdout"]
    expect["put_batches"] = [[{"message": e["message"], "t": e["timestamp"]} for e in b] for b in server.batches]
    expect["put_results"] = server.put_results
    expect["api_calls"], expect["api_results"] = server.calls, server.results
    if isinstance(log, CustomLogging) and not any(c["method"] == "release" for c in case["calls"]):
        expect["buffer_left"] = [e["message"] for e in log.events]
    expect["stored"] = {f"{g} / {s}": texts for (g, s), texts in server.streams.items()}
    return expect


class JsonFormatter(logging.Formatter):
    def format(self, record):
        message = record.msg
        if not isinstance(message, dict):
            message = record.getMessage()
            try:
                message = json.loads(message)
            except ValueError:
                pass
        line = {
            "timestamp": self.formatTime(record),
            "level": record.levelname,
            "location": f"{record.name}.{record.funcName}:{record.lineno}",
            "message": message,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def record_json(case):
    outputs = []
    for call in case["calls"]:
        get = lambda key, default: call.get(key, case["config"].get(key, case.get(key, default)))
        os.environ["TZ"] = get("tz", "UTC")
        time.tzset()
        raises = output = exc = None
        if "exc" in call:
            try:
                raise getattr(builtins, call["exc"][0])(*call["exc"][1:])
            except Exception:
                exc = sys.exc_info()
        try:
            args = call.get("args", ())
            record = logging.LogRecord(get("logger", "app"), python(call.get("level", 20)), "<file>", get("lineno", 42), python(call["msg"]),
                                       args if isinstance(args, dict) else tuple(map(python, args)), exc, get("func", "handler"))
            record.created = call.get("created", 1700000000.123)
            record.msecs = round(record.created % 1 * 1000)
            output = JsonFormatter().format(record)
            output = re.sub(r'File \\"[^"]*\\", line \d+', r'File \\"<file>\\", line <n>', output)
        except Exception as err:
            raises = f"{type(err).__name__}: {err}"
        outputs.append({"output": output, "raises": raises})
    return {"outputs": outputs}


def record(case):
    return record_json(case) if case["config"]["via"] == "json_formatter" else record_logger(case)


def check(name):
    """Compares with what was recorded, as far as both say anything."""
    same, different, others = 0, [], 0
    for case in json.load(open(name, encoding="utf-8"))["cases"]:
        if case["config"]["via"] not in ("direct", "factory", "json_formatter") or case["config"].get("class") == "#standard-logger" or "endpoint" in case or "unset_env" in case:
            others += 1
            continue
        want = case["expect"]
        try:
            got = record(case)
        except Exception as err:
            got = {"error": repr(err)}
        keys = [k for k in ("error", "outputs", "stdout", "calls", "put_batches", "put_results", "buffer_left", "stored") if k in want or k == "error"]
        wrong = {k: (got.get(k), want.get(k)) for k in keys if got.get(k) != want.get(k)}
        if wrong:
            different.append((case["name"], wrong))
        else:
            same += 1
    for name, wrong in different:
        print(name, *(f"\n  {k}\n    got  {g!r:.300}\n    want {w!r:.300}" for k, (g, w) in wrong.items()))
    print(f"{same} alike, {len(different)} different, {others} of other kinds")


if __name__ == "__main__":
    check(sys.argv[1])
