"""Writes kinds.json: cases of kinds that golden.json has few of or none.

    python3 kinds.py > kinds.json           the ones that are kept
    python3 kinds.py all > /tmp/all.json    all combinations of them
"""
import itertools
import json
import sys

import original

GROUP, STREAM = "/app/golden", "main"
SEEDED = [{"group": GROUP}, {"stream": [GROUP, STREAM]}, {"seed": [GROUP, STREAM, ["seed"]]}]
THREE = [{"method": "debug", "msg": "d"}, {"method": "warning", "msg": "w"}, {"method": "critical", "msg": "c"}, {"method": "purge"}]


def py(kind, value):
    return {"py": kind, "value": value}


def case(name, calls, **more):
    config = {"via": "direct", "group": GROUP, "stream": STREAM, "level": 20, "function": "Fn", "format": "#short"}
    config.update(more.pop("config", {}))
    return {"name": name, "tags": more.pop("tags", ["kind"]), "config": config, "calls": calls, **more}


def formatter(name, *calls, **config):
    return {"name": "json/" + name, "tags": ["kind"], "config": {"via": "json_formatter", **config}, "calls": list(calls)}


def locations():
    for name, where in {
        "other-logger": {"logger": "orders.checkout"},
        "root-logger": {"logger": "root"},
        "other-func": {"func": "charge_card"},
        "other-line": {"lineno": 1},
        "all-three": {"logger": "a.b.c", "func": "f", "lineno": 98765},
        "module": {"func": "<module>", "lineno": 1},
        "lambda": {"func": "<lambda>"},
        "comprehension": {"func": "<listcomp>"},
        "dunder": {"func": "__init__"},
        "unicode": {"logger": "zákazníci", "func": "größe"},
        "names-of-the-go-toolchain": {"func": "func1"},
        "digits": {"func": "step_2"},
        "nameless-logger": {"logger": ""},
        "nameless-func": {"func": ""},
        "nothing": {"logger": "", "func": "", "lineno": 0},
        "logger-to-escape": {"logger": 'a "b" \\ c\n/d:e {f} %s'},
        "logger-of-dots": {"logger": "a..b."},
        "logger-none": {"logger": None},
        "func-none": {"func": None},
        "line-zero": {"lineno": 0},
        "line-negative": {"lineno": -1},
        "line-huge": {"lineno": 2**40},
        "line-beyond-64-bits": {"lineno": 2**70},
        "line-none": {"lineno": None},
        "line-text": {"lineno": "12"},
        "line-float": {"lineno": 1.5},
        "qualified": {"func": "Basket.add.<locals>.inner"},
        "no-identifier": {"func": "a-b/c[d]"},
        "name-is-a-number": {"logger": 7, "func": 8},
    }.items():
        yield formatter("location-" + name, {"msg": "m", **where}, {"msg": '{"a": 1}', "level": 40, **where})
        if name in ("all-three", "module", "nothing", "line-none"):
            yield formatter("location-of-config-" + name, {"msg": "m"}, **where)
    yield {**formatter("location-of-case", {"msg": "m"}, {"msg": "m", "func": "g"}), "logger": "x.y", "func": "f", "lineno": 3}


def zones():
    days = {
        "winter": 1700000000.123, "summer": 1690000000.5, "before-gap": 1710053999.999, "after-gap": 1710054000.0,
        "first-of-two": 1699160400.25, "second-of-two": 1699164000.25, "epoch": 0.0, "leap-day": 1709210096.0,
        "before-epoch": -86400.0, "far": 4102444800.75, "year-9999": 253402300799.0,
    }
    for tz in ("UTC", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Sydney", "Australia/Lord_Howe", "America/New_York",
               "America/St_Johns", "Europe/London", "Pacific/Kiritimati", "Pacific/Apia", "Africa/Monrovia", "Africa/Casablanca", "Etc/GMT+5",
               "EST5EDT", "AEST-10AEDT,M10.1.0,M4.1.0/3", "NST3:30NDT,M3.2.0,M11.1.0", "XYZ-5:30", "<+0545>-5:45", "UTC+3",
               ":Asia/Tokyo", "", "Nowhere/Land", "nonsense"):
        yield formatter("zone-" + (tz.replace("/", "-") or "empty"), *({"msg": name, "created": t, "tz": tz} for name, t in days.items()))
    yield formatter("zone-of-config", {"msg": "m"}, {"msg": "n", "tz": "America/Lima"}, tz="Asia/Tokyo")
    yield {**formatter("zone-of-case", {"msg": "m"}), "tz": "Europe/Prague"}
    yield formatter("fractions", *({"msg": "m", "created": t} for t in (1700000000.0004, 1700000000.0005, 1700000000.9994, 1700000000.4999, 1.001, 123456789.987)))
    yield formatter("zone-winter-and-location", {"msg": "m", "tz": "Australia/Sydney", "logger": "a.b", "func": "f", "lineno": 7, "level": 30})


def percents():
    yield formatter("percent-fine",
        {"msg": "%5d|%-5d|%05d|%+d|% d", "args": [42, 42, 42, 42, 42]},
        {"msg": "%s %s %s %s", "args": [None, True, [1, "x"], {"a": "b"}]},
        {"msg": "%r %a", "args": ["it's", "é"]},
        {"msg": "%.2f %e %g %G %F", "args": [2.5, 12345.678, 0.00001, 1e20, -0.5]},
        {"msg": "%x %X %o %#x %#o", "args": [255, 255, 8, 255, 8]},
        {"msg": "%c%c", "args": [65, "é"]},
        {"msg": "%10s|%-10s|%.2s", "args": ["né", "x", "日本語"]},
        {"msg": "%*d|%.*f", "args": [6, 42, 1, 2.25]},
        {"msg": "%ld %hd", "args": [1, 2]},
        {"msg": "%d", "args": [3.99]},
        {"msg": "%d", "args": [True]},
        {"msg": "%d", "args": [123456789012345678901234567890]},
        {"msg": "100%% of %s", "args": ["it"]},
        {"msg": "%s", "args": [1e16]},
        {"msg": "%s", "args": [1e-5]},
        {"msg": "%s", "args": [100.0]},
        {"msg": '{"n": %d, "s": "%s"}', "args": [7, "x"]},
        {"msg": "[%s]", "args": ["1, 2"]})
    yield formatter("percent-no-args", {"msg": "100% sure %s %d %(x)s %"}, {"msg": "%", "args": []}, {"msg": '{"a": "100%"}'})
    yield formatter("percent-mapping",
        {"msg": "%(a)s and %(b)d", "args": [{"a": "x", "b": 5}]},
        {"msg": "%(a)s and %(b)d", "args": {"a": "x", "b": 5}},
        {"msg": "unused", "args": [{"a": 1}]},
        {"msg": "%s", "args": [{"a": 1}]},
        {"msg": "%(a(b))s", "args": [{"a(b)": 1}]},
        {"msg": "%s", "args": [{}]})
    for name, call in {
        "too-few": {"msg": "%s %s", "args": ["x"]},
        "too-many": {"msg": "%s", "args": ["x", "y"]},
        "none-wanted": {"msg": "no directive", "args": [1]},
        "number-from-text": {"msg": "n=%d", "args": ["x"]},
        "number-from-none": {"msg": "n=%d", "args": [None]},
        "float-from-text": {"msg": "%.2f", "args": ["x"]},
        "hex-from-float": {"msg": "%x", "args": [1.5]},
        "char-from-long-text": {"msg": "%c", "args": ["xy"]},
        "char-out-of-range": {"msg": "%c", "args": [1114112]},
        "unknown-directive": {"msg": "%y", "args": [1]},
        "unfinished": {"msg": "100%", "args": [1]},
        "unfinished-width": {"msg": "%5", "args": [1]},
        "unfinished-key": {"msg": "%(a", "args": [{"a": 1}]},
        "key-without-mapping": {"msg": "%(a)s", "args": ["x"]},
        "key-missing": {"msg": "%(b)s", "args": [{"a": 1}]},
        "star-from-text": {"msg": "%*d", "args": ["x", 1]},
        "json-too-few": {"msg": '{"a": %d, "b": %d}', "args": [1]},
        "json-too-many": {"msg": '{"a": 1}', "args": [1]},
        "two-mappings": {"msg": "%(a)s", "args": [{"a": 1}, {"b": 2}]},
        "empty-mapping": {"msg": "%(a)s", "args": [{}]},
    }.items():
        yield formatter("percent-fault-" + name, call, {"msg": "fine %s", "args": ["x"]}, {**call, "level": 40, "logger": "a.b", "func": "g", "lineno": 3, "tz": "Asia/Tokyo"})


LEVELS = {
    "float": 30.0, "fraction": 35.5, "low-fraction": 9.5, "true": True, "false": False, "list": [30], "empty-list": [], "mapping": {"level": 30},
    "empty-mapping": {}, "numeric-text": "30", "padded": " error ", "sentence": "log everything", "negative": -7, "huge": 10**30, "minus-huge": -10**30,
    "none": None, "empty": "", "not-a-number": py("float", "nan"), "infinite": py("float", "inf"), "minus-infinite": py("float", "-inf"),
    "py-true": py("bool", True), "py-float": py("float", 25.5), "py-none": py("none", None), "py-int": py("int", 45), "tuple": py("tuple", [30]),
    "bytes": {"py": "bytes", "latin1": "INFO"}, "attribute": "basic_format", "private-attribute": "_styles", "object": {"py": "object"},
    "between": 41, "above": 51, "exception": {"py": "exception", "type": "ValueError", "args": ["x"]},
}


def levels():
    for name, level in LEVELS.items():
        config = {"level": level}
        yield case("threshold/type-" + name, THREE, config=config)
        yield case("loglevel/type-" + name, [{"method": "info", "msg": "i"}, {"method": "log", "msg": "m", "level": level}, {"method": "log", "msg": "n", "level": level, "purge": True}])
        yield case("loglevel/put-type-" + name, [{"method": "put", "msg": "m", "level": level}, {"method": "purge"}], config={"format": "#mini", "level": 0})
        if isinstance(level, dict) and "py" in level or name in ("between", "above", "padded", "sentence", "empty", "empty-list", "minus-huge"):
            continue
        yield formatter("level-type-" + name, {"msg": "m", "level": level}, {"msg": "[1]", "level": level})
        yield case("factory/level-type-" + name, THREE, config={"via": "factory", "class": {"logging": {"class": "cloud-watch", "level": level}}})
        yield case("factory/argument-type-" + name, THREE, config={"via": "factory", "class": "cloud-watch", **config})
        yield case("print/level-type-" + name, THREE[:3], config={"via": "factory", "class": {"class": "#print", "level": level}})
        yield case("print/loglevel-type-" + name, [{"method": "log", "msg": "m", "level": level}], config={"via": "factory", "class": "#print"})
        yield case("nogroup/level-type-" + name, THREE[:3], config={"group": None, "stream": None, **config})


def labels():
    calls = [{"method": "info", "msg": "m"}, {"method": "error", "msg": "n", "caller": "worker"}, {"method": "purge"}]
    for label, behind in itertools.product(("#standard", "#short", "#simple", "#mini"), (" ", " extra", "extra", ": ", " {level} ", "{level}", "\n", "#", "!", "\u00a0", "-x", "\t# ", "é", "2", "{", "{{")):
        name = f"custom/{label[1:]}-then-{behind.encode('unicode_escape').decode()}"
        yield case(name, calls, config={"format": label + behind})
        if behind not in (" ", " extra", " {level} "):
            continue
        yield case("factory/" + name, calls, config={"via": "factory", "class": {"class": "cloud-watch", "cloud-watch": {"format": label + behind}}})
    for label in (" #standard", "##standard", "#Standard", "# standard", "#", "# ", "#STANDARD ", "#stan dard", "# mini ", "#mini #short"):
        yield case("custom/label-like-" + label, calls, config={"format": label})


CODES = {
    "ResourceNotFoundException": 400, "ResourceAlreadyExistsException": 400, "InvalidSequenceTokenException": 400, "DataAlreadyAcceptedException": 400,
    "LimitExceededException": 400, "OperationAbortedException": 400, "ThrottlingException": 400, "ServiceUnavailableException": 503,
    "InvalidParameterException": 400, "AccessDeniedException": 400, "InternalFailure": 500, "UnrecognizedClientException": 400, "ExpiredTokenException": 400,
    "ValidationException": 400, "SerializationException": 400, "InvalidOperationException": 400, "MalformedQueryException": 400, "SomethingNewException": 400,
    "UnknownOperationException": 404, "TooManyRequestsException": 429, "RequestEntityTooLarge": 413, "InvalidSignatureException": 403,
}
OPS = ("DescribeLogStreams", "CreateLogGroup", "CreateLogStream", "PutLogEvents", "*")


def codes(everything):
    setups = {"nothing": [], "group": SEEDED[:1], "empty-stream": SEEDED[:2], "stream": SEEDED}
    calls = [{"method": "info", "msg": "m", "purge": True}, {"method": "info", "msg": "n"}, {"method": "info", "msg": "o", "purge": True}]
    for op, code, times, skip, (there, setup) in itertools.product(OPS, CODES, (1, 2, -1), (0, 1), setups.items()):
        kept = times != 2 and skip == 0 and (there, times) in (("nothing", 1), ("stream", 1), ("nothing", -1)) and code in (
            "ResourceAlreadyExistsException", "DataAlreadyAcceptedException", "InvalidSequenceTokenException", "ResourceNotFoundException",
            "LimitExceededException", "ThrottlingException", "ValidationException")
        if not everything and not kept:
            continue
        fault = {"op": op, "times": times, "code": code, "message": "so it says"}
        if CODES[code] != 400:
            fault["status"] = CODES[code]
        if skip:
            fault["skip"] = skip
        yield case(f"fault/{op.replace('*', 'any')}-{code}-{times}-{skip}-{there}", calls, setup=setup, faults=[fault])
    mixed = [{"op": "DescribeLogStreams", "times": 1, "code": "ThrottlingException", "message": "x"}, {"op": "PutLogEvents", "times": 1, "code": "ResourceAlreadyExistsException", "message": "x"}]
    yield case("fault/describe-and-put", calls, setup=SEEDED, faults=mixed)
    yield case("fault/describe-denied-and-put", calls, setup=SEEDED, faults=[{**mixed[0], "code": "AccessDeniedException"}, {**mixed[1], "code": "DataAlreadyAcceptedException"}])
    yield case("fault/operation-of-others", calls, setup=SEEDED, faults=[{"op": "GetLogEvents", "times": -1, "code": "ResourceAlreadyExistsException", "message": "x"}])
    yield case("fault/dropped-describe", calls, setup=SEEDED, faults=[{"op": "DescribeLogStreams", "times": 1, "drop": True}])
    yield case("fault/body-of-a-put", calls, setup=SEEDED, faults=[{"op": "PutLogEvents", "times": 1, "body": {}}])


def odd():
    calls = [{"method": "info", "msg": "m"}, {"method": "purge"}]
    yield case("odd/unknown-keys", [{"method": "info", "msg": "m", "colour": "pink"}, {"method": "purge"}], config={"retention": 7}, weather="fine")
    yield case("odd/no-setup-no-faults", calls)
    yield case("odd/unknown-method", [{"method": "warn", "msg": "m"}, *calls])
    yield case("odd/no-message", [{"method": "info"}, *calls])
    yield case("odd/log-without-a-level", [{"method": "log", "msg": "m"}, *calls])
    yield case("odd/function-number", calls, config={"function": 5})
    yield case("odd/function-list", calls, config={"function": ["f"], "format": "#standard"})
    yield case("odd/format-list", calls, config={"format": ["#short"]})
    yield case("odd/format-true", calls, config={"format": True})
    yield case("odd/purge-truthy", [{"method": "info", "msg": "m", "purge": 1}, {"method": "info", "msg": "n", "purge": "no"}, {"method": "info", "msg": "o", "purge": 0}])
    yield case("odd/fractions-of-milliseconds", [{"method": "info", "msg": "m", "at_ms": 1.6}, {"method": "purge"}])
    yield case("odd/callable-raises", [{"method": "info", "msg": "m"}, {"method": "purge"}], config={"format": {"$callable": "raises"}})
    yield case("odd/lost-lines", [{"method": "info", "msg": "a\nb\n"}, {"method": "info", "msg": "zapcw: c\n\td\n\n"}, {"method": "purge"}, {"method": "info", "msg": "e\r\nf"}],
        config={"format": "", "level": 10}, setup=SEEDED, faults=[{"op": "PutLogEvents", "times": -1, "code": "AccessDeniedException", "message": "x"}])
    yield formatter("exceptions", {"msg": "m", "exc": ["ValueError"]}, {"msg": "m", "exc": ["KeyError", "k"]}, {"msg": "m", "exc": ["ValueError", "a", 2]})
    yield formatter("odd-messages", {"msg": py("float", 2.5)}, {"msg": py("bool", True)}, {"msg": py("int", 5)}, {"msg": py("tuple", [1, 2])},
        {"msg": '{"a": NaN}'}, {"msg": "Infinity"}, {"msg": " [1] "}, {"msg": '{"a": 1, "a": 2}'}, {"msg": '{"a": "\\ud83d"}'}, {"msg": '{"n": 1e400}'},
        {"msg": '{"n": 123456789012345678901234567890}'}, {"msg": "\ufeff{}"}, {"msg": "{}\u2028"}, {"msg": '{"n": -0}'}, {"msg": '"text"'}, {"msg": ""})
    yield formatter("disputed-messages", *({"msg": m} for m in ('{"a": 1, "\\u0061": 2}', '{"a": {"b": 1, "b": 2}}', '["\\udc0e"]', '["\\ud83d\\udc0e"]', '["\\ud83d\\ud83d\\udc0e"]',
        '[9007199254740992]', '[9007199254740993]', '[1152921504606846976]', '[18446744073709551616]', '[1e308, 5e-324, 1e-400]', '[-0.0]', '["\\\\ud83d"]',
        "[" * 500 + "]" * 500, '{"A": 1, "a": 2}', '["\\u0000"]')))


def cases(everything=False):
    for c in itertools.chain(locations(), zones(), percents(), levels(), labels(), codes(everything), odd()):
        yield {**c, "expect": original.record(c)}


def main():
    everything = sys.argv[1:] == ["all"]
    all_cases = list(cases(everything))
    print('{\n"description": "What original.py did, see there.",\n"cases": [')
    print(",\n".join(json.dumps(c) for c in all_cases))
    print("]}")


if __name__ == "__main__":
    main()
