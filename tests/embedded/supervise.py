"""A program for the tests: serves a data directory until its standard input ends, telling where on stdout."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from chairside.embedded import EmbeddedError, attached, start


def progress(text: str) -> None:
    sys.stderr.write(text + "\n")


def main(way: str, data_dir: Path) -> None:
    try:
        if way == "attach":
            with attached(data_dir, progress=progress, purpose="chairside audit verify") as endpoint:
                tell(asdict(endpoint))
        else:
            with start(data_dir, progress=progress) as server:
                tell(asdict(server.endpoint) | {"pid": server.pid})
    except EmbeddedError as error:
        sys.exit(str(error))


def tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
    if sys.stdin:
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
