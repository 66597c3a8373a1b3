"""Take the picture of *Tonight* that the README shows: ``make picture``, while ``make up`` runs after a run."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from afterbell.config.platform import Folders
from afterbell.embedded.stack import status
from tests.browser import chromium, emulate
from tests.pipeline import looking

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "tonight.png"
_WIDTH, _HIGHEST = 1180, 1400


def take(url: str, home: Path, picture: Path) -> Path:
    """Sign in, open the page, and write it as a PNG, as high as it is up to the end of its stages."""
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder)) as browser:
        emulate(browser, _WIDTH, 900)
        looking.sign_in(browser, url, home)
        browser.get(f"{url}/afterbell/tonight")
        hint = "return document.querySelector('.note a[href*=session]')?.href || ''"
        if newest := browser.execute_script(hint):  # no session runs tonight: the one that was run last
            browser.get(str(newest))
        end = "return document.getElementById('stages-table').getBoundingClientRect().bottom + scrollY"
        emulate(browser, _WIDTH, min(_HIGHEST, int(browser.execute_script(end)) + 16))
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(browser.get_screenshot_as_png())
        return picture


def main() -> int:
    """Take it of what runs in AFTERBELL_HOME, or in the folder of the last demo."""
    folders = Folders.from_env()
    running = {service.name: service for service in status(folders)}
    if "airflow" not in running:
        print("picture: Airflow doesn't run: `make demo`, then `make up`, then `make picture`", file=sys.stderr)
        return 2
    print(take(f"http://127.0.0.1:{running['airflow'].port}", folders.home, PICTURE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
