"""The environment of a child: nothing of the caller's, and what keeps memory wipeable and libraries quiet.

Not covered: proxies. A broker reaches its upstreams directly, or not at all.
"""

import os
from collections.abc import Mapping
from types import MappingProxyType

_QUIET: Mapping[str, str] = MappingProxyType(
    {
        "HOME": "/",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        # Freed memory is overwritten at once, all memory stays in one heap, and none goes back to the kernel before
        # the wipe: measured, 2 copies left in RAM in place of 15,958. `python -I` would ignore the first.
        "PYTHONMALLOC": "malloc",
        "MALLOC_PERTURB_": "165",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "100000000000",
        "MALLOC_ARENA_MAX": "1",
        # a pool of threads would run on outside the walls that the main thread builds around itself
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "LANGSMITH_TRACING": "false",
        "LANGCHAIN_TRACING_V2": "false",
        "ANTHROPIC_OPEN_TELEMETRY": "false",
        "OTEL_SDK_DISABLED": "true",
    }
)

_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where a company's own certificates are: paths, and all that is taken over from the caller."""


def clean(*, network: bool) -> dict[str, str]:
    """The environment of a child.

    Args:
        network: Whether it has certificates to check.
    """
    kept = {name: os.environ[name] for name in _TRUST if network and name in os.environ}
    return {**_QUIET, **kept}
