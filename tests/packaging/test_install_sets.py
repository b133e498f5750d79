"""Each set of distributions that a user may install, from the wheels, in a fresh environment."""

from pathlib import Path

import pytest

CLIENT = {"gemstone-client", "requests", "certifi", "charset-normalizer", "idna", "urllib3"}
CORE = CLIENT | {"gemstone-core", "gemstone-config", "tornado", "httptools", "msgspec"}
GEMSTONE = CORE | {"gemstone", "click", "rich", "markdown-it-py", "mdurl", "pygments"}
REDIS = GEMSTONE | {"gemstone-redis", "redis", "hiredis"}
ALL = REDIS | {"gemstone-rabbitmq", "pika", "uvloop"}

SETS = {
    "gemstone-client": CLIENT,
    "gemstone-config": {"gemstone-config"},
    "gemstone-core": CORE,
    "gemstone": GEMSTONE,
    "gemstone[redis]": REDIS,
    "gemstone[rabbitmq]": GEMSTONE | {"gemstone-rabbitmq", "pika"},
    "gemstone[uvloop]": GEMSTONE | {"uvloop"},
    "gemstone[all]": ALL,
}

IMPORTS = {
    "gemstone-config": "gemstone_config",
    "gemstone-redis": "gemstone_redis",
    "gemstone-rabbitmq": "gemstone_rabbitmq",
}

WITHOUT_SERVER = """
import gemstone, sys
from gemstone import *
from gemstone.client import RemoteService
assert gemstone.RemoteService is RemoteService
assert gemstone.errors.RpcError is gemstone.RpcError
assert not {"MicroService", "core", "plugins"} & {*dir(gemstone), *gemstone.__all__}
hint = 'pip install "gemstone>=1"'
for statement in (
    "gemstone.MicroService",
    "from gemstone import exposed_method",
    "import gemstone.core",
    "from gemstone.plugins import BasePlugin",
):
    try:
        exec(statement)
    except ImportError as error:
        assert hint in str(error), error
        assert error.name == "gemstone_core"
    else:
        raise AssertionError(statement)
"""

WITH_SERVER = """
import gemstone, gemstone.core, gemstone_core, sys
from gemstone import *
assert MicroService is gemstone.MicroService is gemstone.core.MicroService
assert {*gemstone_core.__all__} - {"__version__"} <= {*gemstone.__all__} & {*dir(gemstone)}

class Hello(MicroService):
    name = "hello"

    @exposed_method()
    def say_hello(self, name):
        return f"hello {name}"
"""


@pytest.mark.parametrize("requirement", SETS)
def test_install_set(requirement, make_environment, dist: Path, version: str):
    environment = make_environment()
    environment.install_built(f"{requirement}=={version}", dist)

    installed = environment.installed()
    assert installed - {"typing-extensions", "async-timeout"} == SETS[requirement]
    for distribution, module in IMPORTS.items():
        if distribution in installed:
            code = f"from {module} import *; print(__version__)"
            assert environment.run(code).strip() == version
    if "gemstone-client" in installed:
        code = WITH_SERVER if "gemstone-core" in installed else WITHOUT_SERVER
        environment.run(code)
        assert environment.run("import gemstone; print(gemstone.__version__)").strip() == version


def test_an_old_gemstone_is_named_and_can_be_cured(make_environment, dist, version, tmp_path):
    """What the warning says to do does help: pip would else leave a destroyed package behind."""
    old = tmp_path / "old" / "gemstone"
    (old / "gemstone").mkdir(parents=True)
    (old / "gemstone" / "__init__.py").write_text("")
    (old / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "gemstone"\nversion = "0.12.0"\n'
    )
    environment = make_environment()
    environment.install(str(old))
    environment.install_built(f"gemstone-client=={version}", dist)

    warned = environment.run(
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    import gemstone\n"
        "print(*(w.message for w in caught), sep='\\n')"
    )
    assert warned.count("gemstone-0.12.0") == 1
    assert "pip uninstall gemstone gemstone-client" in warned

    environment.uninstall("gemstone", "gemstone-client")
    environment.install_built(f"gemstone=={version}", dist)
    environment.run("import gemstone; gemstone.RemoteService; gemstone.MicroService")
