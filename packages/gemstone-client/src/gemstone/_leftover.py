"""Finds what an old gemstone left behind.

The package index also has gemstone 0.12, another program with the same import name. Its metadata
beside ours means that the two were installed over each other.
"""

import os


def warn_of_old_gemstone() -> None:
    """Warns if an old gemstone is installed in the folder that this package is installed in."""
    site = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib takes longer to load
    for entry in os.listdir(site):  # noqa: PTH208
        if entry.startswith("gemstone-0.") and entry.endswith((".dist-info", ".egg-info")):
            import warnings

            warnings.warn(
                f"{entry.rpartition('.')[0]} is installed over this gemstone, in {site}: its "
                "files and ours are mixed. Run: pip uninstall gemstone gemstone-client; "
                'then: pip install "gemstone>=1"',
                RuntimeWarning,
                stacklevel=3,
            )
