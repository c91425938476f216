"""Gets the peers from their registries, each in its version, all into one directory. Changes nothing outside of it.

A peer that cannot be had is left out, and the table says why.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CRATES = {"hprof-slurp": "0.10.0", "hprof-analyzer": "0.3.2"}
MEMLAB = "2.0.5"
MIDDEN = "0.2.0"
# For where no JDK or node is on the path.
JDK = ("openjdk-17-jdk-headless", "openjdk-17-jre-headless", "libjpeg62-turbo", "liblcms2-2", "ca-certificates-java", "java-common")
NODE = "22.22.2"
MINUTES = 60


class Missing(Exception):
    """A peer that cannot be had; the text says why."""


class Peers:
    """Where the peers lie."""

    def __init__(self, into, wheel):
        self.into = into
        self.wheel = wheel
        into.mkdir(parents=True, exist_ok=True)

    def crate(self, name):
        """The command of a crate from crates.io."""
        version = CRATES[name]
        command = self.into / "cargo" / "bin" / name
        environment = os.environ | {"CARGO_TARGET_DIR": str(self.into / "build")}
        # Does nothing if this version is there.
        self.get(["cargo", "install", "--quiet", "--locked", "--root", self.into / "cargo", f"{name}@{version}"], environment)
        return command, f"{name} {version}"

    def memlab(self):
        """memlab's command, with the node that runs it, from npm."""
        place = self.into / "npm"
        script = place / "node_modules" / "@memlab" / "cli" / "bin" / "memlab.js"
        if not script.exists():
            # Without scripts: they would download a browser.
            self.get(["npm", "install", "--prefix", place, "--ignore-scripts", "--no-audit", "--no-fund", f"memlab@{MEMLAB}"])
        return script, f"memlab {MEMLAB}"

    def node(self):
        return shutil.which("node") or self.node_of_npm()

    def node_of_npm(self):
        place = self.into / "npm"
        self.get(["npm", "install", "--prefix", place, "--no-audit", "--no-fund", f"node@{NODE}"])
        return place / "node_modules" / "node" / "bin" / "node"

    def java(self):
        """The directory with `java` and `javac`."""
        javac = shutil.which("javac")
        return Path(javac).resolve().parent if javac else self.java_of_debian()

    def java_of_debian(self):
        place = self.into / "debian"
        tools = next(place.glob("usr/lib/jvm/*/bin/javac"), None)
        if tools is None:
            place.mkdir(exist_ok=True)
            self.get(["apt-get", "download", *JDK], cwd=place)
            for package in place.glob("*.deb"):
                self.get(["dpkg", "-x", package, place])
            tools = next(place.glob("usr/lib/jvm/*/bin/javac"), None)
        if tools is None:
            raise Missing("no JDK on the path, and none in Debian's packages")
        return tools.parent

    def midden(self):
        """A Python with midden, its loader, and memdump."""
        place = self.into / "python"
        python = place / "bin" / "python"
        if not python.exists():
            self.get([sys.executable, "-m", "venv", place])
        packages = [f"midden=={MIDDEN}", f"midden-analysis=={MIDDEN}", self.wheel]
        self.get([python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *packages])
        return python, f"midden {MIDDEN}"

    def get(self, command, environment=None, cwd=None):
        print(f"peers: {' '.join(map(str, command[:4]))} …", file=sys.stderr, flush=True)
        # The log is for whoever asks why.
        with open(self.into / "install.log", "ab") as log:
            try:
                result = subprocess.run(
                    list(map(str, command)),
                    env=environment,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=MINUTES * 60,
                )
            except FileNotFoundError:
                raise Missing(f"there is no {command[0]} on this machine") from None
            except subprocess.TimeoutExpired:
                raise Missing(f"not installed after {MINUTES} minutes") from None
        if result.returncode != 0:
            raise Missing(f"`{command[0]}` could not install it; see {self.into / 'install.log'}")
