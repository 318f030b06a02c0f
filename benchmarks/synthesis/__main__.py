"""Write the test calls, the demo call, or a fresh call as FLAC with their truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.synthesis.espeak import EspeakError
from benchmarks.synthesis.files import DEMO_CALL, DEMO_DIR, DEMO_SEED, write_call
from benchmarks.synthesis.fresh import fresh_call
from benchmarks.synthesis.scripts import Call, ScriptError, load_calls

# call, seed, folder, file name without ending (None: the call's id)
Job = tuple[Call, int, Path, str | None]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 1 with a message on stderr."""
    options = _parser().parse_args(arguments)
    try:
        if options.demo:
            jobs: list[Job] = [(load_calls()[DEMO_CALL], DEMO_SEED, DEMO_DIR, "demo")]
        elif options.fresh:
            jobs = [(fresh_call(options.seed), options.seed, options.out, None)]
        else:
            calls = load_calls()
            unknown = [name for name in options.call if name not in calls]
            if unknown:
                sys.stderr.write(f"no call {unknown[0]!r}; there are: {', '.join(calls)}\n")
                return 1
            jobs = [(calls[n], options.seed, options.out, None) for n in options.call or calls]
        for call, seed, folder, stem in jobs:
            for path in write_call(call, seed, folder, stem=stem):
                sys.stdout.write(f"{path}  {path.stat().st_size / 1000:.0f} kB\n")
    except (EspeakError, ScriptError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthesis", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--call",
        action="append",
        default=[],
        metavar="NAME",
        help="one of tests/calls; default: all",
    )
    what.add_argument("--demo", action="store_true", help="rebuild the demo call in configs/demo")
    what.add_argument("--fresh", action="store_true", help="a call composed from the seed")
    parser.add_argument(
        "--out", type=Path, default=Path("build/calls"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
