"""What of the package has no doctests to collect: modules of an extra that is not installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("numba") else ["pipeline/network/compiled"]
