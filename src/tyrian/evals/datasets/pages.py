"""Reports as the questions on them need them: their text, and their pages as images.

Only bytes that were compared with a pinned digest come here. The text is read by pypdf (extra
`documents`), pages are drawn by pdftoppm of poppler, where it is installed, in grey at 144 dots per
inch as the published harness draws them.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tyrian.errors import InputError, MissingDependencyError

DRAWER = "pdftoppm"
DOTS = 144
_LONGEST_S = 300


def can_draw() -> bool:
    """Whether pages can be drawn here."""
    return shutil.which(DRAWER) is not None


def write_text(report: Path, target: Path) -> bool:
    """Write the text of a PDF, its pages one after another; False where it has none.

    Does nothing where the text is there.
    """
    if target.exists():
        return True
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError:
        raise MissingDependencyError(
            "reports are PDF, which needs a reader", hint="pip install 'tyrian[documents]'"
        ) from None
    try:
        text = "\n".join(page.extract_text() for page in PdfReader(report).pages)
    except (PyPdfError, ValueError, KeyError, RecursionError) as error:
        raise InputError(f"{report} cannot be read as PDF: {error}") from error
    if not text.strip():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_text(text, encoding="utf-8", errors="replace")
    part.replace(target)
    return True


def draw_pages(report: Path, directory: Path, name: str) -> int:
    """Write `NAME__0001__.png` and so on; gives their number. Does nothing where they are there."""
    if (directory / _page(name, 1)).exists():
        return len(list(directory.glob(f"{name}__*__.png")))
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".drawing-") as folder:
        command = [DRAWER, "-png", "-gray", "-r", str(DOTS), str(report), f"{folder}/page"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_LONGEST_S)  # noqa: S603, PLW1510
        except FileNotFoundError:
            raise MissingDependencyError(
                f"{DRAWER} is not installed, so that pages cannot be drawn",
                hint="apt-get install poppler-utils",
            ) from None
        except subprocess.TimeoutExpired:
            raise InputError(f"{report} takes longer than {_LONGEST_S} s to draw") from None
        pages = sorted(Path(folder).glob("page*.png"), key=lambda one: (len(one.name), one.name))
        if done.returncode or not pages:
            said = done.stderr.decode("utf-8", "replace").strip()[:200]
            raise InputError(f"{report} cannot be drawn: {said or 'no page'}")
        # The first page comes last, since where it is there all are taken to be.
        for number, page in reversed(list(enumerate(pages, 1))):
            page.replace(directory / _page(name, number))
    return len(pages)


def _page(name: str, number: int) -> str:
    return f"{name}__{number:04d}__.png"
