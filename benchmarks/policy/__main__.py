"""`python -m benchmarks.policy`: the policy against every fixed plan and the optimum → a report."""

import argparse
from pathlib import Path

from benchmarks.policy import report, suite


def main() -> int:
    """Run all cases, write the report, and give 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.policy", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/policy"), help="where the report goes")
    parser.add_argument("--trace", action="append", help="only these traces")
    parser.add_argument("--model", action="append", help="only these models")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    cases = [
        case
        for case in suite.cases()
        if (not arguments.trace or case.trace.name in arguments.trace)
        and (not arguments.model or case.profile.name in arguments.model)
    ]
    results = suite.run(cases, arguments.processes)
    return report.write(results, arguments.out)


if __name__ == "__main__":
    raise SystemExit(main())
