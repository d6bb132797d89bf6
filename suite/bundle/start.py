"""Installs a bundle's packages and then the rest; for a machine that has Python and nothing else.

Usage: python3.11 install.py [--target FOLDER]; the bundle is the folder that this file lies in.
"""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Make an environment from the packages and have LoadScope there do the rest."""
    bundle = Path(__file__).resolve().parent
    arguments = sys.argv[1:]
    if "--target" in arguments:
        target = Path(arguments[arguments.index("--target") + 1]).absolute()
    else:
        target = bundle.with_name(f"{bundle.name}-installed")
    environment = target / "env"
    if not (bundle / "wheels").is_dir():
        print("this bundle has no packages; use the LoadScope that is installed:")
        print(f"  loadscope bundle install {bundle} --target {target}")
        return 2
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    own = next((bundle / "wheels").glob("loadscope-*.whl"))
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    links = ["--no-index", "--find-links", str(bundle / "wheels")]
    subprocess.run([*pip, "install", "--quiet", *links, str(own)], check=True)
    command = [str(environment / "bin" / "loadscope"), "bundle", "install", str(bundle)]
    return subprocess.run([*command, "--target", str(target)]).returncode


if __name__ == "__main__":
    sys.exit(main())
