from pathlib import Path

import pytest

from example_client.sample_models import products, store


class Silent:
    """A watcher whom nothing interests."""

    def begin(self, title: str, steps: int) -> None: ...

    def advance(self) -> None: ...

    def tell(self, sentence: str) -> None: ...


def _product(content: str) -> products.Product:
    def build(folder: Path, watcher: products.Watcher) -> None:
        watcher.begin("building", 1)
        (folder / "model").mkdir()
        (folder / "model" / "weights").write_text(content, "utf-8")
        (folder / "names").write_text(content, "utf-8")

    return products.Product("model", ("model", "names"), build)


def _failing() -> products.Product:
    def build(folder: Path, watcher: products.Watcher) -> None:
        _product("half").build(folder, watcher)
        raise products.BuildError("expected better")

    return products.Product("model", ("model", "names"), build)


def test_complete_once_built(tmp_path: Path) -> None:
    """A product is complete when it was built, and not before, nor without one of its files."""
    here, product = store.Store(tmp_path / "models", "one"), _product("a")

    assert not here.is_complete(product)
    here.build(product, Silent())
    assert here.is_complete(product)
    (here.root / "names").unlink()
    assert not here.is_complete(product)


def test_another_builder_builds_again(tmp_path: Path) -> None:
    """What an older builder made is replaced, and nothing of it stays."""
    store.Store(tmp_path, "old").build(_product("old"), Silent())
    here = store.Store(tmp_path, "new")

    assert not here.is_complete(_product("new"))
    here.build(_product("new"), Silent())

    assert (tmp_path / "model" / "weights").read_text("utf-8") == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".built", "model", "names"]


def test_a_failed_build_changes_nothing(tmp_path: Path) -> None:
    """Where a build fails, what was there stays complete, and no half of it lies about."""
    here = store.Store(tmp_path, "one")
    here.build(_product("good"), Silent())

    with pytest.raises(products.BuildError):
        here.build(_failing(), Silent())

    assert here.is_complete(_product("good"))
    assert (tmp_path / "model" / "weights").read_text("utf-8") == "good"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".built", "model", "names"]


def test_the_builder_is_named_by_its_sources(tmp_path: Path) -> None:
    """A changed module is another builder; the program around it is not."""
    (tmp_path / "resnet.py").write_text("a", "utf-8")
    (tmp_path / "__main__.py").write_text("a", "utf-8")
    first = store.builder_of(tmp_path)
    (tmp_path / "__main__.py").write_text("b", "utf-8")
    second = store.builder_of(tmp_path)
    (tmp_path / "resnet.py").write_text("b", "utf-8")

    assert first == second != store.builder_of(tmp_path)
