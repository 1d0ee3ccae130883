"""Images of one program, and of files."""

import hashlib
import json
import tarfile
from pathlib import Path

from tests.support.node import imagefile


def test_an_image_is_what_container_runtimes_load(tmp_path: Path) -> None:
    """The manifest names the configuration and the layer, the configuration has the layer's digest."""
    program = tmp_path / "pause"
    program.write_bytes(b"program")

    imagefile.write(tmp_path / "image.tar", program, "localhost/pause:test")

    with tarfile.open(tmp_path / "image.tar") as image:
        files = {item.name: image.extractfile(item) for item in image}
        content = {name: file.read() for name, file in files.items() if file is not None}
    manifest = json.loads(content["manifest.json"])[0]
    config = json.loads(content[manifest["Config"]])
    layer = content[manifest["Layers"][0]]
    assert manifest["RepoTags"] == ["localhost/pause:test"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"]["Entrypoint"] == ["/pause"]


def test_an_image_is_the_same_each_time(tmp_path: Path) -> None:
    """Of one program comes one image, whatever the time is."""
    program = tmp_path / "pause"
    program.write_bytes(b"program")

    for name in ("one.tar", "two.tar"):
        imagefile.write(tmp_path / name, program, "localhost/pause:test")

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_an_image_of_files_has_them_where_they_were(tmp_path: Path) -> None:
    """Each file is at its place, readable for all, in folders that are there before it."""
    (tmp_path / "tree" / "m" / "1").mkdir(parents=True)
    (tmp_path / "tree" / "m" / "1" / "model.xml").write_text("<net/>")
    (tmp_path / "tree" / "m" / "1" / "model.xml").chmod(0o600)

    imagefile.write_tree(tmp_path / "image.tar", tmp_path / "tree", "localhost/models:test")

    with tarfile.open(tmp_path / "image.tar") as image:
        manifest_file = image.extractfile("manifest.json")
        assert manifest_file is not None
        manifest = json.load(manifest_file)[0]
        with tarfile.open(fileobj=image.extractfile(manifest["Layers"][0])) as layer:
            found = {item.name: item.mode for item in layer}
    assert list(found) == ["m", "m/1", "tmp", "m/1/model.xml"]
    assert found["m/1/model.xml"] == 0o644
