"""buildah, with a store of its own: images are made in it, looked into, and written to files."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.node import requirements

# Seen by builds only: how this machine reaches package indexes, and by which authorities it trusts them.
_LENT_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")


class BuildFailed(Exception):
    """An image was not built; the message ends with what the build said last."""


class Buildah:
    """One store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def import_tree(self, tree: Path, reference: str, *, config: Sequence[str] = ()) -> None:
        """Make an image of a file tree."""
        container = self._run("from", "--quiet", "scratch").strip()
        try:
            self._run("copy", "--quiet", container, str(tree), "/")
            if config:
                self._run("config", *config, container)
            self._run("commit", "--quiet", "--rm", container, reference)
        except BuildFailed:
            self._run("rm", container)
            raise

    def build(self, context: Path, target: str, reference: str, arguments: Mapping[str, str]) -> None:
        """Build a target of the Dockerfile in `context`."""
        lent = [f"--volume={path}:{path}:ro" for path in _LENT_FILES if Path(path).exists()]
        told = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        options = ("--layers", "--isolation=chroot", "--network=host", "--pull-never", "--format=docker")
        self._run(
            "bud", *options, *lent, *told, f"--target={target}", f"--tag={reference}", str(context)
        )

    def has(self, reference: str) -> bool:
        """Whether there is such an image."""
        command = [*self._command(), "inspect", "--type=image", reference]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def size(self, reference: str) -> int:
        """Bytes of an image's files."""
        with self.mounted(reference) as root:
            return sum(
                path.lstat().st_size for path in root.rglob("*") if path.is_file() or path.is_symlink()
            )

    def write(self, reference: str, archive: Path) -> None:
        """Write an image to a file that containerd, Docker and kind can load."""
        staged = archive.with_suffix(".new")
        staged.unlink(missing_ok=True)
        self._run("push", "--quiet", reference, f"docker-archive:{staged}:{reference}")
        staged.replace(archive)

    @contextmanager
    def mounted(self, reference: str) -> Iterator[Path]:
        """An image's files, to be read."""
        container = self._run("from", "--quiet", "--pull-never", reference).strip()
        try:
            yield Path(self._run("mount", container).strip())
        finally:
            self._run("rm", container)

    def _command(self) -> list[str]:
        program = requirements.find_program("buildah")
        root, run = self._folder / "store", self._folder / "run"
        return [shutil.which("nice") or "nice", program, f"--root={root}", f"--runroot={run}"]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command(), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BuildFailed(f"buildah {arguments[0]}: {(done.stdout + done.stderr)[-3000:]}")
        return done.stdout
