"""Reads messages, and whether they are embedded, and says where that is wrong."""
import base64
import json
import sys

import orjson


def pairs(members):
    """An object; who reads into a struct does not see the last value of a key."""
    if len({key for key, _ in members}) < len(members):
        raise ValueError("a key occurs twice")
    return dict(members)


def one_value(v):
    """Tells whether those have the same value who know float64 alone."""
    left = [v]
    while left:
        v = left.pop()
        if isinstance(v, dict):
            left += v
            left += v.values()
        elif isinstance(v, list):
            left += v
        elif isinstance(v, str):
            v.encode()  # raises for half a surrogate pair
        elif isinstance(v, float) and v - v != 0 or isinstance(v, int) and int(float(v)) != v:
            return False
    return True


def agree(text):
    sys.setrecursionlimit(1000)  # as everywhere
    try:
        ours, theirs = json.loads(text, object_pairs_hook=pairs), orjson.loads(text)
        json.loads(text, parse_int=lambda digits: digits != "-0" or 1 / 0)  # Python has no sign then
        sys.setrecursionlimit(100000)
        return repr(ours) == repr(theirs) and one_value(ours)
    except (ValueError, ArithmeticError, RecursionError):
        return False


def main():
    questions = json.load(sys.stdin)
    for q in questions:
        message = base64.b64decode(q["Message"])
        if agree(b'{"message":' + message + b"}") != q["Agreed"]:
            print(f"agreed is {q['Agreed']} for {message!r:.200}")
    print(len(questions), "judged")


main()
