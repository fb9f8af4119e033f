"""Searches texts for a regular expression, in a process of its own: run as a script, never imported.

A regular expression can take for ever, and Python cannot interrupt one; it can only kill the process. Reads JSON from
standard input, `{pattern, ignore_case, most, seconds, files: [[path, text], …]}`, and writes `{matches, more}` or
`{error}`.
"""

import json
import re
import resource
import sys


def main() -> None:
    asked = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    try:
        pattern = re.compile(asked["pattern"], re.IGNORECASE if asked["ignore_case"] else 0)
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        json.dump({"error": str(error) or "too large"}, sys.stdout)
        return
    matches: list[tuple[str, int, str]] = []
    for path, text in asked["files"]:
        for number, line in enumerate(text.split("\n"), 1):
            if pattern.search(line):
                if len(matches) == asked["most"]:
                    json.dump({"matches": matches, "more": True}, sys.stdout)
                    return
                matches.append((path, number, line))
    json.dump({"matches": matches, "more": False}, sys.stdout)


if __name__ == "__main__":
    main()
